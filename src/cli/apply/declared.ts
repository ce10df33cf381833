import { mistakesOf } from '#policy'
import { backupPolicySchema, emailSchema, idSchema, nameSchema, readPlaced, roleSchema } from '#protocol'
import { z } from 'zod'
import type { YamlText } from '../api/yaml-text.ts'
import { ApplyError } from './errors.ts'

/** What a file declares: clients with their backup policies and machines, and people. */

const machineSchema = z.strictObject({
  name: nameSchema,
  /** Told by it where two machines have one name, or where one is to get another. */
  id: idSchema.exactOptional(),
  state: z.enum(['approved', 'revoked']).exactOptional(),
  /** Names of policies of the client: these and no others. */
  policies: z.array(nameSchema).max(100).exactOptional(),
})

const clientSchema = z.strictObject({
  name: nameSchema,
  policies: z.array(backupPolicySchema).max(1000).default([]),
  machines: z.array(machineSchema).max(10_000).default([]),
  removePolicies: z.array(nameSchema).max(1000).default([]),
})

const declaredRoleSchema = z
  .strictObject({
    role: roleSchema,
    client: nameSchema.exactOptional(),
    /** Every client there is and will be, and the server itself. */
    everywhere: z.literal(true).exactOptional(),
  })
  .refine(({ client, everywhere }) => (client === undefined) !== (everywhere === undefined), {
    message: 'It must say for which client it is, or "everywhere: true".',
  })

const declaredSchema = z.strictObject({
  clients: z.array(clientSchema).max(1000).default([]),
  people: z
    .array(z.strictObject({ email: emailSchema, roles: z.array(declaredRoleSchema).max(1000) }))
    .max(10_000)
    .default([]),
})

export type Declared = z.output<typeof declaredSchema>
export type DeclaredClient = z.output<typeof clientSchema>
export type DeclaredMachine = z.output<typeof machineSchema>
export type DeclaredRole = z.output<typeof declaredRoleSchema>
export type PolicyDocument = z.output<typeof backupPolicySchema>

type Path = readonly PropertyKey[]

export interface PlacedSentence {
  readonly path: Path
  readonly sentence: string
}

/**
 * What a file says, when all of it is right in itself; `now` as for policies. Throws `APPLY_FILE_INVALID` with each mistake
 * and its line.
 */
export function readDeclared(text: YamlText, { path, now }: { readonly path: string; readonly now: number }): Declared {
  const read = readPlaced(declaredSchema, text.value ?? {})
  const mistakes = read.mistakes ?? mistakesIn(read.value, now)
  refuseMistakes(mistakes, text, path)
  return read.value as Declared
}

/** Throws `APPLY_FILE_INVALID` if there are any. */
export function refuseMistakes(mistakes: readonly PlacedSentence[], text: YamlText, path: string): void {
  if (mistakes.length === 0) return
  const told = mistakes
    .map((mistake) => ({ ...mistake, line: text.lineOf(mistake.path) }))
    .toSorted((a, b) => a.line - b.line)
    .slice(0, 10)
    .map((mistake) => `line ${mistake.line}${inWords(mistake.path)}: ${mistake.sentence.replace(/\.$/, '')}`)
  throw new ApplyError('APPLY_FILE_INVALID', { path, reason: told.join('; ') })
}

function inWords(path: Path): string {
  const names = path.filter((part) => typeof part === 'string')
  return names.length === 0 ? '' : ` (${names.join('.')})`
}

function mistakesIn({ clients, people }: Declared, now: number): PlacedSentence[] {
  return [
    ...givenTwice(clients, ({ name }) => name, ['clients']),
    ...givenTwice(people, ({ email }) => email, ['people']),
    ...people.flatMap(({ roles }, at) => givenTwice(roles, forWhom, ['people', at, 'roles'])),
    ...clients.flatMap((client, at) => mistakesInClient(client, ['clients', at], now)),
  ]
}

function forWhom({ client = 'everywhere' }: DeclaredRole): string {
  return client
}

function mistakesInClient(
  { policies, machines, removePolicies }: DeclaredClient,
  path: Path,
  now: number,
): PlacedSentence[] {
  const kept = new Set(policies.map(({ name }) => name))
  return [
    ...givenTwice(policies, ({ name }) => name, [...path, 'policies']),
    ...givenTwice(machines, ({ id, name }) => id ?? name, [...path, 'machines']),
    ...policies.flatMap((policy, at) => mistakesInPolicy(policy, [...path, 'policies', at], now)),
    ...removePolicies.flatMap((name, at) =>
      kept.has(name) ? [{ path: [...path, 'removePolicies', at], sentence: `"${name}" is declared above, too.` }] : [],
    ),
    ...machines.flatMap(({ policies: followed = [] }, machine) =>
      followed.flatMap((name, at) => {
        const place = [...path, 'machines', machine, 'policies', at]
        return removePolicies.includes(name) ? [{ path: place, sentence: `"${name}" is to be removed.` }] : []
      }),
    ),
  ]
}

function mistakesInPolicy(policy: PolicyDocument, path: Path, now: number): PlacedSentence[] {
  return mistakesOf(policy, now).map(({ at, sentence }) => ({ path: [...path, ...at.split('.')], sentence }))
}

function givenTwice<Item>(items: readonly Item[], nameOf: (item: Item) => string, path: Path): PlacedSentence[] {
  const seen = new Set<string>()
  return items.flatMap((item, at) => {
    const name = nameOf(item)
    const isAgain = seen.has(name)
    seen.add(name)
    return isAgain ? [{ path: [...path, at], sentence: `"${name}" is declared twice.` }] : []
  })
}
