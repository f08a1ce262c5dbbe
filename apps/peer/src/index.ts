export { METRICS } from "./metrics/metrics.ts";
export type { MetricDefinition, MetricName } from "./metrics/metrics.ts";
export { CONFIG_DEFAULTS } from "./config/config-defaults.ts";
export { CONFIG_KEYS, configSchema } from "./config/config-schema.ts";
export type { ConfigKey, ServeConfig, Settings } from "./config/config-schema.ts";
export { EXIT_CODES } from "./exit-code.ts";
export type { ExitCode } from "./exit-code.ts";
