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

function placeholder({ name, kind, words }: ApiField): string {
  if (kind === 'id') return thingOf(name) ?? 'id'
  if (kind === 'grant') return 'role@client'
  if (words) return 'word'
  return kind === 'number' ? 'n' : kind
}

function describe({ about, name, words, kind, isList, isNullable }: ApiField, isNeeded: boolean): string {
  const parts = [about ?? kebabCase(name).replaceAll('-', ' ')]
  if (words) parts.push(`one of ${words.join(', ')}`)
  if (kind === 'grant') parts.push('operator@Bakery, or owner@every for all clients and the server itself')
  const text = parts.join('; ')
  const remarks = [
    ...(isNeeded ? ['needed'] : []),
    ...(isList ? ['several times', `"${nothing}" for an empty list`] : []),
    ...(isNullable ? [`"${nothing}" takes it away`] : []),
  ]
  return remarks.length > 0 ? `${text} (${remarks.join('; ')})` : text
}

/** A line with all that a command needs. */
export function exampleOf(about: ApiCommand): string {
  const { command, body, query } = about
  const params = paramsOf(about).map((param) => kebabCase(param).toUpperCase())
  const needed = [...query, ...(body?.fields ?? [])].filter(({ isRequired, kind }) => isRequired && kind !== 'secret')
  const flags = needed.map((field) => `--${kebabCase(field.name)} ${exampleValue(field)}`)
  return ['understudy', command, ...params, ...(body?.file === 'must' ? ['--file FILE'] : flags)].join(' ')
}

function exampleValue({ kind, name, words }: ApiField): string {
  if (kind === 'grant') return 'operator@Bakery'
  return words?.[0] ?? (thingOf(name) ?? kebabCase(name)).toUpperCase()
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
  return { path, body: merge(context, sent, { ...(await reader.read(about.body.fields)), ...secrets }) }
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

/** A flag says it for sure: what it says comes before the file. */
function merge(context: CommandContext, sent: unknown, typed: Readonly<Record<string, unknown>>): unknown {
  if (Object.keys(typed).length === 0) return sent
  if (typeof sent === 'object' && sent !== null && !Array.isArray(sent)) return { ...sent, ...typed }
  throw context.refuse('the file must say a set of named values, as flags add to it')
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

  constructor(names: Names) {
    this.#names = names
  }

  async add(kind: string, name: string): Promise<string> {
    const id = await this.find(kind, name)
    this.#named ??= { kind, id }
    return id
  }

  async find(kind: string, name: string): Promise<string> {
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
    if (words && !words.includes(text)) throw refuse(`there are ${words.join(', ')}`)
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
        return await this.#idOf(name, text)
      case 'grant':
        return await this.#grant(text, refuse)
      case 'text':
      case 'secret':
        return text
    }
  }

  async #idOf(field: string, text: string): Promise<string> {
    const thing = thingOf(field)
    return thing === undefined ? text : await this.#scope.find(thing, text)
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
