// What the storage uses of TypeORM. From its files, since its index loads all of it, which
// takes a start half as long again.
export { DataSource } from "typeorm/data-source/DataSource.js";
export { EntitySchema } from "typeorm/entity-schema/EntitySchema.js";
export { Between } from "typeorm/find-options/operator/Between.js";
export { In } from "typeorm/find-options/operator/In.js";
export { IsNull } from "typeorm/find-options/operator/IsNull.js";
export { LessThan } from "typeorm/find-options/operator/LessThan.js";
export { LessThanOrEqual } from "typeorm/find-options/operator/LessThanOrEqual.js";
export { MoreThan } from "typeorm/find-options/operator/MoreThan.js";
export { Not } from "typeorm/find-options/operator/Not.js";
export { MigrationExecutor } from "typeorm/migration/MigrationExecutor.js";
