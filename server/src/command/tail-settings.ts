import { integerSetting, optionalTextSetting, textSetting } from "../setting.js";

/** Every setting of `mofa-state tail`. */
export const TAIL_SETTINGS = {
  address: textSetting({
    flag: "--address <address>",
    variable: "MOFA_STATE_ADDRESS",
    defaultValue: "localhost:50051",
    description: "the server: HOST:PORT or unix:/path, or those of a group with commas between",
  }),
  token: optionalTextSetting({
    flag: "--token <token>",
    variable: "MOFA_STATE_TOKEN",
    description: "what to authenticate with",
  }),
  tenant: optionalTextSetting({
    flag: "--tenant <uuid>",
    variable: "MOFA_STATE_TENANT",
    description: "the tenant whose session it is, where the token does not say it",
  }),
  last: integerSetting(
    { min: 0, max: 2 ** 31 - 1 },
    {
      flag: "--last <count>",
      variable: "MOFA_STATE_LAST",
      defaultValue: 10,
      description: "with how many of the newest messages to begin",
    },
  ),
} as const;
