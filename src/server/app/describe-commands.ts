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
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly JsonSchema[]
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
    field: toField(name, about, required.includes(name)),
  }))
  const nested = all.filter(({ field }) => field === undefined)
  const isTyped = all.every(({ field }) => field !== undefined && field.kind !== 'secret')
  const file = isTyped ? 'no' : nested.some(({ isRequired }) => isRequired) ? 'must' : 'may'
  return { fields: all.flatMap(({ field }) => field ?? []), file }
}

/** Undefined: it is nested, and no value that can be typed. */
function toField(name: string, given: JsonSchema, isRequired: boolean): ApiField | undefined {
  const about = given.description
  const { schema, isNullable } = withoutNull(given)
  const isList = schema.type === 'array'
  const value = isList ? schema.items : schema
  const kind = value && kindOf(name, value)
  if (kind === undefined) return undefined
  const words = wordsOf(value as JsonSchema)
  return { name, kind, ...(words && { words }), isList, isRequired, isNullable, ...(about !== undefined && { about }) }
}

function withoutNull(schema: JsonSchema): { readonly schema: JsonSchema; readonly isNullable: boolean } {
  const others = schema.anyOf?.filter(({ type }) => type !== 'null') ?? []
  const isNullable = schema.anyOf !== undefined && others.length === 1 && schema.anyOf.length === 2
  return { schema: isNullable ? (others[0] as JsonSchema) : schema, isNullable }
}

/** Secrets have their name, or say so by `.meta({ typed: 'secret' })`. */
const secretName = /password|secret$/i

function kindOf(name: string, { typed, type, format }: JsonSchema): ApiField['kind'] | undefined {
  if (typed === 'grant') return typed
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
