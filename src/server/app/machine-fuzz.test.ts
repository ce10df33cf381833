import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import { z } from 'zod'
import { keyOf, makeClient } from '../../../test/helpers/made-client.ts'
import type { MadeClient } from '../../../test/helpers/made-client.ts'
import { randomFrom, testSeed } from '../../../test/helpers/seed.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { routes } from '../routes/index.ts'
import type { Route } from './route.ts'

/**
 * Ransomware on a machine has the machine's key. Whatever it sends to whatever call: nothing that was there is gone, and
 * nothing that is not the machine's own has changed.
 */

const random = randomFrom(testSeed())
const calls = 800

test('whatever a machine sends to whatever call, it deletes nothing, and changes nothing but its own', async () => {
  await using server = await TestServer.open()
  const [own, victim] = [await makeClient(server, 'own'), await makeClient(server, 'victim')]
  await server.person({ [victim.client]: 'owner' })
  const key = keyOf(own.machine)
  const about = { repositoryId: victim.repository, machineId: victim.machine }
  await server.services.ledger.write({ ...about, what: 'received', snapshotId: 'a'.repeat(64) })
  const ids = [...Object.values(own), ...Object.values(victim), randomUUID(), '*', '..%2f..', "' or 1=1 --"]
  const before = await everything(server)
  const statuses = new Map<number, number>()
  for (let i = 0; i < calls; i++) {
    // Those that are for machines are few among them, and the most interesting.
    const some = random.below(4) > 0 ? routes.filter(({ access }) => access.by === 'machine') : routes
    const one = random.pick(some)
    const url = one.path.replaceAll(/:[A-Za-z]+/g, () => random.pick(ids))
    const body = one.body && random.below(5) > 0 ? valueFor(one.body, ids) : undefined
    const text = body === undefined ? '' : JSON.stringify(body)
    const { authorization } = key.header(one.method, url, Math.floor(server.clock.now()), text)
    const { status } = await server.call(one.method, url, {
      headers: { authorization },
      ...(body !== undefined && { body }),
    })
    assert.notEqual(status, 500, `${one.method} ${url} ${text}`)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  assert.ok((statuses.get(200) ?? 0) > 20, `some calls are understood: ${JSON.stringify([...statuses])}`)
  const after = await everything(server)
  for (const [table, rows] of before) {
    const now = new Map((after.get(table) ?? []).map((row) => [nameOf(row), row]))
    for (const row of rows) {
      const found = now.get(nameOf(row))
      assert.ok(found, `${table}: ${JSON.stringify(row)} is gone`)
      if (!isOwn(row, own)) assert.deepEqual(found, row, table)
    }
  }
})

type Row = Readonly<Record<string, unknown>>

/** Every row of every table, by table. */
async function everything({ services }: TestServer): Promise<Map<string, readonly Row[]>> {
  const { db } = services.store
  const rows = new Map<string, readonly Row[]>()
  for (const { name } of await db.introspection.getTables()) {
    rows.set(name, (await sql<Row>`select * from ${sql.table(name)}`.execute(db)).rows)
  }
  return rows
}

/** By what a row is known, whatever else of it has changed. */
function nameOf(row: Row): string {
  const known = ['id', 'name', 'seq', 'hash', 'repositoryId', 'machineId', 'policyId', 'personId', 'clientId', 'role']
  if ('id' in row) return String(row['id'])
  if (isHead(row)) return String(row['name'])
  return JSON.stringify(
    known.filter((column) => column !== 'hash' || !('seq' in row)).map((column) => row[column] ?? null),
  )
}

/** The head of a chain: it moves with each entry. */
function isHead(row: Row): boolean {
  return 'seq' in row && 'hash' in row && 'name' in row
}

/** The machine may report about itself and its operations, which moves the heads of chains and the times of rounds. */
function isOwn(row: Row, { machine, operation }: MadeClient): boolean {
  return isHead(row) || row['id'] === machine || row['machineId'] === machine || row['id'] === operation
}

interface JsonSchema {
  readonly type?: string
  readonly anyOf?: readonly JsonSchema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
}

/** Something that the call may well understand, with ids of others in it, and some of it wrong. */
function valueFor(schema: NonNullable<Route['body']>, ids: readonly string[]): unknown {
  return valueOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema, ids)
}

function valueOf(schema: JsonSchema, ids: readonly string[]): unknown {
  if (random.below(60) === 0) return random.pick<unknown>([null, -1, '', [], {}, 1e308, '\u0000', '../..'])
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return random.pick(schema.enum)
  if (schema.anyOf) return valueOf(random.pick(schema.anyOf), ids)
  if (schema.type === 'object') {
    const fields = Object.entries(schema.properties ?? {}).filter(() => random.below(8) > 0)
    return Object.fromEntries(fields.map(([name, field]) => [name, valueOf(field, ids)]))
  }
  if (schema.type === 'array') return Array.from({ length: random.below(3) }, () => valueOf(schema.items ?? {}, ids))
  if (schema.type === 'boolean') return random.below(2) === 0
  if (schema.type === 'integer') return (schema.minimum ?? 0) + random.below(3)
  if (schema.type === 'number') return (schema.minimum ?? 0) + random.next()
  if (schema.pattern?.includes('0-9a-f') === true) return random.bytes(32).toString('hex')
  if (schema.format === 'date-time') return new Date(random.below(2 ** 31) * 1000).toISOString()
  return random.pick([...ids, 'backup', 'x'.repeat(30), 'words'])
}
