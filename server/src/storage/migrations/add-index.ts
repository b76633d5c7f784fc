import type { QueryRunner } from "typeorm";

/**
 * Creates an index of a table unless it is there: where definitions are not transactional, a
 * start that was cut off is finished by the next.
 */
export async function addIndex(
  queryRunner: QueryRunner,
  table: string,
  name: string,
  definition: string,
): Promise<void> {
  const existing = (await queryRunner.getTable(table))?.indices ?? [];
  if (existing.some((index) => index.name === name)) return;
  await queryRunner.query(`CREATE INDEX ${name} ON ${table} ${definition}`);
}
