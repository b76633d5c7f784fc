import { integerSetting } from "../setting.js";
import { CONNECTION_SETTINGS } from "./connection-settings.js";

/** Every setting of `mofa-state tail`. */
export const TAIL_SETTINGS = {
  ...CONNECTION_SETTINGS,
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
