import { everyClient } from '#protocol'
import type { ApiCommand, ApiField } from '#protocol'
import { OptionalValueFlag, listFlag, valueFlag } from '../command.ts'
import type { CliCommand } from '../command.ts'
import { textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { CliError } from '../errors.ts'
import type { Questions } from './ask.ts'
import type { Names } from './names.ts'
import { fillPath, kebabCase, paramsOf, thingOf } from './table.ts'
import { readYamlFile } from './yaml-text.ts'

/** What a command line says becomes what the API takes: arguments, flags, and a file for what no line can say. */

/** Stands for nothing: for an empty list, and for a value that is taken away. */
const nothing = 'none'

export function addInput(command: CliCommand, about: ApiCommand): void {
  for (const param of paramsOf(about)) command.argument(`<${kebabCase(param)}>`, aboutThing(kebabCase(param)))
  for (const field of flagFields(about)) command.addOption(toFlag(field, about))
  if (about.body && about.body.file !== 'no') {
    command.addOption(valueFlag('--file <file>', 'file with what is sent, in YAML or JSON; - for standard input'))
  }
}

function aboutThing(thing: string): string {
  if (thing === 'snapshot') return 'id of the snapshot, or its first digits; or latest'
  return thingOf(thing) ? `name or id of the ${thing}, or the first digits of its id` : `id of the ${thing}`
}

/** What is secret is asked for: a command line can be seen by others. */
function flagFields({ query, body }: ApiCommand): readonly ApiField[] {
  return [...query, ...(body?.fields ?? [])].filter(({ kind }) => kind !== 'secret')
}

function toFlag(field: ApiField, { body }: ApiCommand) {
  const name = kebabCase(field.name)
  const isNeeded = field.isRequired && (body?.file ?? 'no') === 'no'
  const about = describe(field, isNeeded)
  if (field.kind === 'boolean') return new OptionalValueFlag(`--${name} <yes|no>`, about, 'yes')
  const flag = `--${name} <${placeholder(field)}>`
  return field.isList ? listFlag(flag, about) : valueFlag(flag, about)
}

function placeholder({ kind, words = [], ...field }: ApiField): string {
  if (kind === 'id') return [...words, thingIn(field) ?? 'id'].join('|')
  if (kind === 'grant') return 'role@client'
  if (words.length > 0) return 'word'
  return kind === 'number' ? 'n' : kind
}

function describe({ about, name, words, kind, isList, isNullable }: ApiField, isNeeded: boolean): string {
  const parts = [about ?? kebabCase(name).replaceAll('-', ' ')]
  if (words && kind !== 'id') parts.push(`one of ${words.map(quoted).join(', ')}`)
  if (kind === 'grant') parts.push('operator@Bakery, or owner@every for all clients and the server itself')
  const text = parts.join('; ')
  const remarks = [
    ...(isNeeded ? ['needed'] : []),
    ...(isList ? ['several times', `"${nothing}" for an empty list`] : []),
    ...(isNullable ? [`"${nothing}" takes it away`] : []),
  ]
  return remarks.length > 0 ? `${text} (${remarks.join('; ')})` : text
}

/** A word of several is typed in quotes. */
function quoted(word: string): string {
  return word.includes(' ') ? `"${word}"` : word
}

/** The kind of thing that a field names. */
function thingIn({ name, thing }: Pick<ApiField, 'name' | 'thing'>): string | undefined {
  return thing ?? thingOf(name)
}

/** A line with all that a command needs. */
export function exampleOf(about: ApiCommand): string {
  const { command, body, query } = about
  const params = paramsOf(about).map((param) => kebabCase(param).toUpperCase())
  const needed = [...query, ...(body?.fields ?? [])].filter(({ isRequired, kind }) => isRequired && kind !== 'secret')
  const flags = needed.map((field) => `--${kebabCase(field.name)} ${exampleValue(field)}`)
  return ['understudy', command, ...params, ...(body?.file === 'must' ? ['--file FILE'] : flags)].join(' ')
}

function exampleValue({ kind, name, words, thing }: ApiField): string {
  if (kind === 'grant') return 'operator@Bakery'
  return words?.[0] ?? (thingIn({ name, ...(thing !== undefined && { thing }) }) ?? kebabCase(name)).toUpperCase()
}

export interface Input {
  /** Path with its query. */
  readonly path: string
  readonly body?: unknown
}

export interface Typed {
  readonly args: readonly string[]
  readonly flags: CommandFlags
  readonly names: Names
  readonly questions: Questions
}

/** Reads a command line into a call. Throws `USAGE`, `NAME_UNKNOWN`, `NAME_AMBIGUOUS`, `VALUE_FILE_INVALID`. */
export async function readInput(context: CommandContext, about: ApiCommand, typed: Typed): Promise<Input> {
  const { args, flags } = typed
  const params = paramsOf(about)
  if (args.length > params.length) throw context.refuse(`${about.command} takes ${params.length} arguments`)
  const file = textOf(flags, 'file')
  refuseWhatIsMissing(context, about, flags)
  const sent = about.body && (file === undefined ? {} : (await readYamlFile(file)).value)
  const scope = new Scope(typed.names)
  const filled: Record<string, string> = {}
  for (const [at, param] of params.entries()) filled[param] = await scope.add(kebabCase(param), args[at] ?? '')
  const reader = new FlagReader(context, flags, scope)
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(await reader.read(about.query))) {
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one))
  }
  const path = fillPath(about, filled) + (query.size > 0 ? `?${query.toString()}` : '')
  if (!about.body) return { path }
  const secrets = await askSecrets(about.body.fields, sent, typed.questions)
  const { fields } = about.body
  return { path, body: merge(context, sent, { fields, typed: { ...(await reader.read(fields)), ...secrets } }) }
}

function refuseWhatIsMissing(context: CommandContext, about: ApiCommand, flags: CommandFlags): void {
  const { query, body } = about
  if (body?.file === 'must' && flags['file'] === undefined) throw context.refuse(`${about.command} needs --file`)
  const needed = [...query, ...(body && flags['file'] === undefined ? body.fields : [])]
  const missing = needed.find(
    ({ name, isRequired, kind }) => isRequired && kind !== 'secret' && flags[name] === undefined,
  )
  if (missing) throw context.refuse(`${about.command} needs --${kebabCase(missing.name)}`)
}

interface TypedFields {
  readonly fields: readonly ApiField[]
  readonly typed: Readonly<Record<string, unknown>>
}

/** A flag says it for sure: what it says comes before the file. */
function merge(context: CommandContext, sent: unknown, { fields, typed }: TypedFields): unknown {
  if (Object.keys(typed).length === 0) return sent
  if (!isSet(sent)) throw context.refuse('the file must say a set of named values, as flags add to it')
  const body: Record<string, unknown> = { ...sent }
  for (const [name, value] of Object.entries(typed)) {
    const within = fields.find((field) => field.name === name)?.within
    if (!within) body[name] = value
    else body[within.in] = joined(body[within.in], { name, value, within })
  }
  return body
}

function isSet(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

interface Part {
  readonly name: string
  readonly value: unknown
  readonly within: NonNullable<ApiField['within']>
}

/** A value that only one of several shapes has says which one it is. */
function joined(before: unknown, { name, value, within }: Part): unknown {
  const { key, word } = within
  const known = isSet(before) ? before : {}
  if (key === undefined) return { ...known, [name]: value }
  return word === undefined ? { ...known, [key]: value } : { [key]: word, ...known, [name]: value }
}

async function askSecrets(fields: readonly ApiField[], sent: unknown, asked: Questions) {
  const secrets: Record<string, string> = {}
  for (const { name, kind, isRequired } of fields) {
    const isGiven = Object.hasOwn(sent ?? {}, name)
    if (kind === 'secret' && isRequired && !isGiven) secrets[name] = await askOne(name, asked)
  }
  return secrets
}

/** What is new is typed twice: who mistypes it would get in no more. */
async function askOne(name: string, { askSecret, isTerminal }: Questions): Promise<string> {
  const typed = await askSecret(`${kebabCase(name)}: `)
  if (!isTerminal || !name.startsWith('new')) return typed
  if ((await askSecret('the same again: ')) !== typed) throw new CliError('PASSWORDS_DIFFER')
  return typed
}

/** What the arguments have named: what flags name after it is of the same client. */
class Scope {
  readonly #names: Names
  #named: { readonly kind: string; readonly id: string } | undefined
  /** Whose snapshots are meant. */
  #owner: { readonly kind: string; readonly id: string } | undefined

  constructor(names: Names) {
    this.#names = names
  }

  async add(kind: string, name: string): Promise<string> {
    const id = await this.find(kind, name)
    this.#named ??= { kind, id }
    this.#owner ??= this.#named
    return id
  }

  /** Snapshots are those of this machine from now on. */
  turnTo(machine: string): void {
    this.#owner = { kind: 'machine', id: machine }
  }

  async find(kind: string, name: string): Promise<string> {
    if (kind === 'snapshot' && this.#owner) return await this.#names.findSnapshot(this.#owner, name)
    return (await this.#names.find(kind, name, async () => await this.#client())).id
  }

  async #client(): Promise<string | undefined> {
    const { kind, id } = this.#named ?? {}
    if (kind === undefined || id === undefined) return undefined
    return kind === 'client' ? id : await this.#names.clientOf(kind, id)
  }
}

class FlagReader {
  readonly #context: CommandContext
  readonly #flags: CommandFlags
  readonly #scope: Scope

  constructor(context: CommandContext, flags: CommandFlags, scope: Scope) {
    this.#context = context
    this.#flags = flags
    this.#scope = scope
  }

  async read(fields: readonly ApiField[]): Promise<Record<string, unknown>> {
    const values: Record<string, unknown> = {}
    for (const field of fields) {
      const given = this.#flags[field.name]
      if (given !== undefined) values[field.name] = await this.#value(field, given as string | readonly string[])
    }
    return values
  }

  async #value(field: ApiField, given: string | readonly string[]): Promise<unknown> {
    if (typeof given === 'string') return given === nothing && field.isNullable ? null : await this.#one(field, given)
    if (given.length === 1 && given[0] === nothing) return []
    // No word of a closed set has a comma in it; names may have.
    const all = field.words ? given.flatMap((one) => one.split(',')) : given
    return await Promise.all(all.map(async (one) => await this.#one(field, one)))
  }

  async #one(field: ApiField, text: string): Promise<unknown> {
    const { name, kind, words } = field
    const refuse = (reason: string) => this.#context.refuse(`"${text}" is no value for --${kebabCase(name)}: ${reason}`)
    if (words?.includes(text) === true) return text
    if (words && kind !== 'id') throw refuse(`there are ${words.map(quoted).join(', ')}`)
    switch (kind) {
      case 'number':
        if (!/^-?\d+(\.\d+)?$/.test(text)) throw refuse('it takes a number')
        return Number(text)
      case 'boolean':
        if (!['yes', 'no', 'true', 'false'].includes(text)) throw refuse('it takes yes or no')
        return text === 'yes' || text === 'true'
      case 'time':
        return (await readTime(text)) ?? Promise.reject(refuse('it takes a time like "2026-12-31 18:00"'))
      case 'id':
        return await this.#idOf(field, text)
      case 'grant':
        return await this.#grant(text, refuse)
      case 'text':
      case 'secret':
        return text
    }
  }

  async #idOf(field: ApiField, text: string): Promise<string> {
    const thing = thingIn(field)
    const id = thing === undefined ? text : await this.#scope.find(thing, text)
    if (field.name === 'from' && thing === 'machine') this.#scope.turnTo(id)
    return id
  }

  async #grant(text: string, refuse: (reason: string) => Error): Promise<unknown> {
    const at = text.indexOf('@')
    if (at < 1 || at === text.length - 1) throw refuse('it takes a role and for whom: operator@Bakery')
    const [role, whom] = [text.slice(0, at), text.slice(at + 1)]
    return { role, clientId: whom === 'every' ? everyClient : await this.#scope.find('client', whom) }
  }
}

/** RFC 3339, or as people type it, on this machine’s wall clock. */
async function readTime(text: string): Promise<string | undefined> {
  if (/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text)) return text
  const { parseTypedTime } = await import('../parse-time.ts') // with it comes the whole repository
  const nanoseconds = parseTypedTime(text)
  return nanoseconds === undefined ? undefined : new Date(Number(nanoseconds / 1_000_000n)).toISOString()
}
