import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mistakesOf, type BackupPolicy, type Schedule } from '#policy'
import { z } from 'zod'
import { backupPolicySchema, readBackupPolicy, type scheduleSchema } from './index.ts'

/** A type with nothing left to unfold, so that two ways to write it are one. */
type Plain<T> = T extends readonly (infer Item)[]
  ? readonly Plain<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Plain<T[Key]> }
    : T
type Same<One, Other> =
  (<T>() => T extends Plain<One> ? 1 : 2) extends <T>() => T extends Plain<Other> ? 1 : 2 ? true : false

// The program does not compile where the schema and the types of the room `policy` are not the same.
const scheduleAgrees: Same<z.output<typeof scheduleSchema>, Schedule> = true
const policyAgrees: Same<z.output<typeof backupPolicySchema>, BackupPolicy> = true
// And the comparison can tell: one optional field more is not the same.
const tells: Same<z.output<typeof backupPolicySchema>, BackupPolicy & { readonly more?: string }> = false

const policy = {
  name: 'Office',
  what: { include: ['/home'] },
  when: { kind: 'daily', at: ['02:00'], timeZone: 'Europe/Berlin' },
  keep: { daily: 14 },
  to: { repository: 'office' },
}

/** The policy with one place changed; `undefined` takes it away. */
function changed(path: string, value: unknown): unknown {
  const copy: Record<string, unknown> = structuredClone(policy)
  const parts = path.split('.')
  const last = parts.pop() as string
  let place = copy
  for (const part of parts) place = place[part] as Record<string, unknown>
  if (value === undefined) delete place[last]
  else place[last] = value
  return copy
}

test('the schema and the types of the room policy are the same', () => {
  assert.deepEqual([scheduleAgrees, policyAgrees, tells], [true, true, false])
})

test('a policy is read as it is, and means the same', () => {
  const { value } = readBackupPolicy(policy)
  assert.deepEqual(value, policy)
  assert.deepEqual(mistakesOf(value as BackupPolicy, 0), [])
})

/** One row a mistake: where, what stands there, where it is reported, and the sentence. */
const table: readonly (readonly [path: string, value: unknown, at: string, sentence: string])[] = [
  ['colour', 'red', '', 'Nothing is known by the name "colour".'],
  ['what.includes', [], 'what', 'Nothing is known by the name "includes".'],
  ['name', undefined, 'name', 'It is missing.'],
  ['name', '  ', 'name', 'It must be at least 1 characters long.'],
  ['name', 7, 'name', 'It must be a text, not 7.'],
  ['what', null, 'what', 'It must be a set of named values, not nothing.'],
  ['what.include', '/home', 'what.include', 'It must be a list, not "/home".'],
  ['what.include', ['/home', 3], 'what.include.1', 'It must be a text, not 3.'],
  ['what.volumeSnapshot', 'maybe', 'what.volumeSnapshot', '"maybe" is none of "when possible", "required", "never".'],
  [
    'what.hooks',
    { before: '../evil' },
    'what.hooks.before',
    '"../evil" is not the name of a hook, which is a file in the folder of hooks.',
  ],
  [
    'what.databases',
    [{ engine: 'oracle', which: 'all' }],
    'what.databases.0.engine',
    '"oracle" is none of "postgresql", "mariadb", "sqlite".',
  ],
  [
    'what.databases',
    [{ engine: 'sqlite', which: 'some' }],
    'what.databases.0.which',
    '"some" is nothing that can stand here.',
  ],
  [
    'when.kind',
    'hourly',
    'when.kind',
    '"hourly" is none of "every", "daily", "weekdays", "weekly", "monthly", "cron".',
  ],
  ['when.kind', undefined, 'when.kind', 'It is missing.'],
  ['when.at', ['2:00'], 'when.at.0', '"2:00" is not a time of day such as 22:00.'],
  ['when.at', [], 'when.at', 'It must be at least 1 entry long.'],
  ['when.minutes', 5, 'when', 'Nothing is known by the name "minutes".'],
  ['when.spreadMinutes', 1.5, 'when.spreadMinutes', 'It must be a whole number, not 1.5.'],
  ['when', { kind: 'every', minutes: 0, timeZone: 'UTC' }, 'when.minutes', 'It must be at least 1.'],
  ['keep.daily', -1, 'keep.daily', 'It must be at least 0.'],
  ['keep.daily', 'all', 'keep.daily', '"all" is nothing that can stand here.'],
  ['limits', { upload: 1e30 }, 'limits.upload', 'It must be at most 9007199254740991.'],
  ['rest', { batteryBelow: 101 }, 'rest.batteryBelow', 'It must be at most 100.'],
]

for (const [path, value, at, sentence] of table) {
  test(`a mistake in the shape has one sentence: ${path}, ${JSON.stringify(value)}`, () => {
    assert.deepEqual(readBackupPolicy(changed(path, value)).mistakes, [{ at, sentence }])
  })
}

test('what is no policy at all is refused in one sentence', () => {
  for (const value of [undefined, null, 7, 'policy', [], [policy]]) {
    assert.equal(readBackupPolicy(value).mistakes?.length, 1, JSON.stringify(value))
  }
})

test('a hostile policy brings no long answer, no control character, and nothing into prototypes', () => {
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`${'x'.repeat(500)}\u001b[2J${at}`, at]))
  const { mistakes = [] } = readBackupPolicy({ ...policy, ...many, when: 'x'.repeat(100_000) })
  assert.ok(mistakes.length <= 50)
  assert.ok(mistakes.every(({ at, sentence }) => at.length + sentence.length < 300 && !/\p{Cc}/u.test(sentence)))
  const polluted = readBackupPolicy(JSON.parse('{"__proto__":{"name":"x"},"constructor":1}'))
  assert.ok(polluted.mistakes?.some(({ sentence }) => sentence.includes('__proto__')))
  assert.ok(polluted.mistakes?.some(({ at, sentence }) => at === 'name' && sentence === 'It is missing.'))
})

test('a JSON schema can be made of it, for the description of the API', () => {
  const made = z.toJSONSchema(backupPolicySchema) as { required: string[]; additionalProperties: boolean }
  assert.deepEqual(made.required.toSorted(), ['keep', 'name', 'to', 'what', 'when'])
  assert.equal(made.additionalProperties, false)
})
