import { errorAnswerSchema } from '#protocol'
import { z } from 'zod'
import { fileAnswerSchema } from './file-answer.ts'
import type { Access, Route, Sending } from './route.ts'

/** The API’s description (OpenAPI 3.1), made from the routes. */
export function describeRoutes(routes: readonly Route[], origin: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:([A-Za-z]+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describe(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Understudy', version: '1', license: { name: 'Apache-2.0' } },
    servers: [{ url: origin }],
    paths,
    components: {
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'understudy.session_token' },
        token: { type: 'http', scheme: 'bearer' },
        machine: { type: 'http', scheme: 'understudy' },
      },
    },
  }
}

function describe({
  summary,
  access,
  command,
  params,
  query,
  body,
  answer,
  method,
  path,
  sends = 'json',
}: Route): object {
  return {
    summary,
    operationId: `${method.toLowerCase()} ${path}`,
    'x-access': access,
    ...(command !== undefined && { 'x-command': `understudy ${command}` }),
    security: securityOf(access),
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query')],
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    responses: {
      200: { description: 'done', content: contentOf(answer, sends) },
      default: {
        description: 'refused or failed',
        content: { 'application/json': { schema: schemaOf(errorAnswerSchema, 'output') } },
      },
    },
  }
}

const contentTypes = { json: 'application/json', text: 'text/plain', events: 'text/event-stream' } as const

function contentOf(answer: z.ZodType, sends: Sending): object {
  if (answer === fileAnswerSchema) return { 'application/octet-stream': {} }
  return { [contentTypes[sends]]: { schema: schemaOf(answer, 'output') } }
}

function securityOf(access: Access): readonly object[] {
  if (access.by === 'anybody') return []
  if (access.by === 'script') return [{ token: [] }]
  return access.by === 'machine' ? [{ machine: [] }] : [{ session: [] }, { token: [] }]
}

interface JsonObject {
  readonly properties?: Readonly<Record<string, object>>
  readonly required?: readonly string[]
}

function parametersOf(schema: z.ZodType | undefined, where: 'path' | 'query'): object[] {
  if (!schema) return []
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as JsonObject
  return Object.entries(properties).map(([name, described]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: described,
  }))
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...described } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return described
}
