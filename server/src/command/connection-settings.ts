import { optionalTextSetting, textSetting } from "../setting.js";

/** The settings of every command that talks to a server. */
export const CONNECTION_SETTINGS = {
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
} as const;
