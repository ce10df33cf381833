import type { z } from 'zod'

/** A value that was read by a schema, or what is wrong with it: never both. */
export type Read<Value> =
  | { readonly value: Value; readonly mistakes?: undefined }
  | { readonly value?: undefined; readonly mistakes: readonly ShapeMistake[] }

/** Where in the value (`when.at.0`; empty for the whole), and what is wrong there in one sentence. */
export interface ShapeMistake {
  readonly at: string
  readonly sentence: string
}

/** More mistakes than these help nobody. */
const mostMistakes = 50

/** A hostile value must not fill the screen. */
const longestShown = 60

/** Reads `value` by a schema and says in plain words what is wrong. */
export function readWith<Schema extends z.ZodType>(schema: Schema, value: unknown): Read<z.output<Schema>> {
  const { value: read, mistakes } = readPlaced(schema, value)
  return mistakes ? { mistakes: mistakes.map(({ at, sentence }) => ({ at, sentence })) } : { value: read }
}

/** A mistake, and the way to it: of a name that nothing is known by, to that name. */
export interface PlacedMistake extends ShapeMistake {
  readonly path: readonly PropertyKey[]
}

/** The same for who can show the place, the line of a file say. */
export function readPlaced<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
):
  | { readonly value: z.output<Schema>; readonly mistakes?: undefined }
  | { readonly value?: undefined; readonly mistakes: readonly PlacedMistake[] } {
  const { success, data, error } = schema.safeParse(value, { reportInput: true })
  if (success) return { value: data }
  return { mistakes: error.issues.flatMap(mistakesOfIssue).slice(0, mostMistakes) }
}

type Issue = z.core.$ZodIssue
type UnionIssue = Extract<z.core.$ZodIssueInvalidUnion, { readonly options?: unknown }>

function mistakesOfIssue(issue: Issue): PlacedMistake[] {
  const at = issue.path.map((part) => show(part)).join('.')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const sentence = `Nothing is known by the name "${show(key)}".`
      return { at, path: [...issue.path, key], sentence }
    })
  }
  const sentence = isSecret(issue) ? 'It is not written as it must be.' : sentenceOf(issue)
  return [{ at, path: issue.path, sentence }]
}

/** What may be a secret, mistyped, is not said again: answers are shown, and kept in logs of others. */
const secretNames = new Set(['password', 'secret', 'token', 'topic', 'url', 'proof', 'signature'])
const codesThatShow = new Set(['invalid_type', 'invalid_value', 'invalid_format', 'invalid_union'])

function isSecret({ code, path, input }: Issue): boolean {
  if (input === undefined || !codesThatShow.has(code)) return false
  return path.some((part) => typeof part === 'string' && secretNames.has(part))
}

function sentenceOf(issue: Issue): string {
  if (issue.input === undefined && issue.code !== 'custom') return 'It is missing.'
  switch (issue.code) {
    case 'invalid_type':
      return `It must be ${kinds[issue.expected] ?? issue.expected}, not ${describe(issue.input)}.`
    case 'invalid_value':
      return `${describe(issue.input)} is none of ${issue.values.map((value) => describe(value)).join(', ')}.`
    case 'invalid_format':
      return `${describe(issue.input)} is not ${wantedBy(issue) ?? 'written as it must be'}.`
    case 'too_small':
      return `It must be at least ${limitOf(issue.minimum, issue.origin)}.`
    case 'too_big':
      return `It must be at most ${limitOf(issue.maximum, issue.origin)}.`
    case 'invalid_union':
      if ('options' in issue) return noneOf(issue)
      return `${describe(issue.input)} is nothing that can stand here.`
    case 'unrecognized_keys':
    case 'not_multiple_of':
    case 'invalid_key':
    case 'invalid_element':
    case 'custom':
      return issue.message
  }
}

const formats: Readonly<Record<string, string>> = {
  datetime: 'a time such as 2026-12-31T18:00:00Z',
  email: 'an e-mail address',
  url: 'an address such as https://example.org',
  uuid: 'an id',
}

/** What a text must be, in the words of its schema; those of the library are for programmers. */
function wantedBy({ format, message }: Extract<Issue, { readonly code: 'invalid_format' }>): string | undefined {
  return formats[format] ?? (message.startsWith('Invalid') ? undefined : message)
}

/** Several shapes, told apart by one name: what stands under that name is none of them. */
function noneOf({ input, discriminator = '', options = [] }: UnionIssue): string {
  const value = (input as Readonly<Record<string, unknown>>)[discriminator]
  if (value === undefined) return 'It is missing.'
  return `${describe(value)} is none of ${options.map((option) => describe(option)).join(', ')}.`
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a set of named values',
}

function limitOf(limit: number | bigint, origin: string): string {
  if (origin === 'string') return `${limit} characters long`
  if (origin === 'array') return `${limit} ${limit === 1 ? 'entry' : 'entries'} long`
  return `${limit}`
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `"${show(value)}"`
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  const isPlain = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
  return isPlain ? `${value}` : 'a set of named values'
}

/** Text from outside, in one line, without what a terminal or a page would act on. */
function show(text: PropertyKey): string {
  const cut = String(text).slice(0, longestShown)
  return cut.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '�')
}
