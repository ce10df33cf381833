import { operationSchema } from '#protocol'
import type { ApiCommand, ApiField } from '#protocol'
import { z } from 'zod'
import { fileAnswerSchema } from './file-answer.ts'
import type { Route } from './route.ts'

/** The commands of the routes that have one, in the order of their words. */
export function describeCommands(routes: readonly Route[]): ApiCommand[] {
  return routes
    .flatMap((route) => (route.command === undefined ? [] : [describe(route, route.command)]))
    .toSorted((a, b) => (a.command < b.command ? -1 : 1))
}

function describe({ method, path, summary, query, body, answer, bySession }: Route, command: string): ApiCommand {
  const asks = { query: flat(query).fields, ...(body && { body: flat(body) }) }
  const comes = {
    isOperation: answer === operationSchema,
    ...(answer === fileAnswerSchema && { isFile: true as const }),
  }
  return { command, method, path, summary, ...asks, ...comes, bySession: bySession === true }
}

interface JsonSchema {
  readonly type?: string
  readonly format?: string
  readonly description?: string
  readonly typed?: string
  readonly thing?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
}

/** What of an object can be typed on a line, and whether there is more. */
function flat(schema: z.ZodType | undefined): NonNullable<ApiCommand['body']> {
  if (!schema) return { fields: [], file: 'no' }
  const { properties, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  if (!properties) return { fields: [], file: 'must' }
  const all = Object.entries(properties).map(([name, about]) => ({
    isRequired: required.includes(name),
    fields: toFields(name, about, required.includes(name)),
  }))
  const nested = all.filter(({ fields }) => fields.length === 0)
  const fields = all.flatMap((one) => one.fields)
  const isTyped = nested.length === 0 && fields.every(({ kind, within }) => kind !== 'secret' && !within)
  const file = isTyped ? 'no' : nested.some(({ isRequired }) => isRequired) ? 'must' : 'may'
  return { fields, file }
}

/** None: it is nested, and no value that can be typed. */
function toFields(name: string, given: JsonSchema, isRequired: boolean): readonly ApiField[] {
  const field = toField(name, given, isRequired)
  if (field) return [field]
  return given.typed === 'parts' ? toParts(name, given, isRequired) : toChoice(name, given, isRequired)
}

/** A set of values that says so, `.meta({ typed: 'parts' })`: each of them is typed. */
function toParts(name: string, { properties = {}, required = [] }: JsonSchema, isRequired: boolean): ApiField[] {
  return Object.entries(properties).flatMap(([inner, schema]) => {
    const field = toField(inner, schema, isRequired && required.includes(inner))
    return field ? [{ ...field, within: { in: name } }] : []
  })
}

/** Of several shapes that a word tells apart, the word and what else they have, where they say so: `.meta({ typed: 'choice' })`. */
function toChoice(name: string, given: JsonSchema, isRequired: boolean): ApiField[] {
  const { anyOf, oneOf, typed, description: about } = given
  const shapes = typed === 'choice' ? (anyOf ?? oneOf ?? []) : []
  const [first] = shapes
  const isWord = (key: string) => shapes.every(({ properties }) => typeof properties?.[key]?.const === 'string')
  const key = Object.keys(first?.properties ?? {}).find(isWord)
  if (key === undefined) return []
  const wordOf = ({ properties }: JsonSchema) => properties?.[key]?.const as string
  const others = shapes.flatMap((shape) =>
    Object.entries(shape.properties ?? {})
      .filter(([inner]) => inner !== key)
      .map(([inner, schema]) => ({ field: toField(inner, schema, false), word: wordOf(shape) })),
  )
  if (others.some(({ field }) => !field)) return []
  const usual = { isList: false, isRequired, isNullable: false, ...(about !== undefined && { about }) }
  return [
    { name, kind: 'text', words: shapes.map(wordOf), ...usual, within: { in: name, key } },
    ...others.flatMap(({ field, word }) => (field ? [{ ...field, within: { in: name, key, word } }] : [])),
  ]
}

/** Undefined: it is nested, and no value that can be typed. */
function toField(name: string, given: JsonSchema, isRequired: boolean): ApiField | undefined {
  const about = given.description
  const { schema, isNullable } = withoutNull(given)
  const isList = schema.type === 'array'
  const { schema: value, words: before } = withoutWords((isList ? schema.items : schema) ?? {})
  const kind = kindOf(name, value)
  if (kind === undefined) return undefined
  const words = before ?? wordsOf(value)
  const thing = value.thing ?? schema.thing ?? given.thing
  const more = { ...(thing !== undefined && { thing }), ...(about !== undefined && { about }) }
  return { name, kind, ...(words && { words }), isList, isRequired, isNullable, ...more }
}

/** A word or something else: `server`, or the id of a machine. */
function withoutWords(given: JsonSchema): { readonly schema: JsonSchema; readonly words?: readonly string[] } {
  const all = given.anyOf ?? []
  const words = all.flatMap(({ const: word }) => (typeof word === 'string' ? [word] : []))
  const [schema, ...more] = all.filter(({ const: word }) => typeof word !== 'string')
  return schema && more.length === 0 && words.length > 0 ? { schema, words } : { schema: given }
}

function withoutNull(schema: JsonSchema): { readonly schema: JsonSchema; readonly isNullable: boolean } {
  const others = schema.anyOf?.filter(({ type }) => type !== 'null') ?? []
  const isNullable = schema.anyOf !== undefined && others.length === 1 && schema.anyOf.length === 2
  return { schema: isNullable ? (others[0] as JsonSchema) : schema, isNullable }
}

/** Secrets have their name, or say so by `.meta({ typed: 'secret' })`. */
const secretName = /password|secret$/i

function kindOf(name: string, { typed, thing, type, format }: JsonSchema): ApiField['kind'] | undefined {
  if (typed === 'grant') return typed
  if (thing !== undefined) return 'id'
  if (type === 'number' || type === 'integer') return 'number'
  if (type === 'boolean') return 'boolean'
  if (type !== 'string') return undefined
  if (typed === 'secret' || secretName.test(name)) return 'secret'
  if (format === 'uuid') return 'id'
  return format === 'date-time' ? 'time' : 'text'
}

function wordsOf({ enum: values, const: one }: JsonSchema): readonly string[] | undefined {
  if (typeof one === 'string') return [one]
  return values?.every((value) => typeof value === 'string') ? values : undefined
}
