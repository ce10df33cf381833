import type { EventKind } from '#protocol'
import type { z } from 'zod'

/**
 * A call of the server's API as a value: method and path as the server's table has them, what goes in (a type), what comes
 * back (a schema: the answer is read before anything is shown).
 */
export interface ApiCall<
  Path extends string = string,
  Query = unknown,
  Body = unknown,
  Answer extends z.ZodType = z.ZodType,
> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: Path
  readonly query?: Shape<Query>
  readonly body?: Shape<Body>
  readonly answer: Answer
  /** When something of these kinds has changed, the answer may be another: it is asked for anew. */
  readonly about?: readonly EventKind[]
}

/** Stands for a type; there is nothing in it at run time. The server holds what is sent against its own schema. */
export interface Shape<T> {
  readonly of?: T
}

export function shape<T>(): Shape<T> {
  return {}
}

type NamesIn<Path extends string> = Path extends `${string}:${infer Rest}`
  ? Rest extends `${infer Name}/${infer Further}`
    ? Name | NamesIn<Further>
    : Rest
  : never

type ParamsOf<Path extends string> = [NamesIn<Path>] extends [never]
  ? { readonly params?: never }
  : { readonly params: Readonly<Record<NamesIn<Path>, string>> }

/** What a call is given: what its path names, its query, its body. */
export type Given<C extends ApiCall> = ParamsOf<C['path']> &
  (C extends { readonly query: Shape<infer Query> } ? { readonly query?: Query } : { readonly query?: never }) &
  (C extends { readonly body: Shape<infer Body> } ? { readonly body: Body } : { readonly body?: never })

export type AnswerOf<C extends ApiCall> = z.output<C['answer']>

/** Makes a call whose types follow from what it is made of. */
export function call<const C extends ApiCall>(made: C): C {
  return made
}

interface Loose {
  readonly params?: Readonly<Record<string, string>> | undefined
  readonly query?: unknown
  readonly body?: unknown
}

/** Address and settings of the request. What is undefined in the query is left out. */
export function requestOf({ method, path }: ApiCall, { params = {}, query = {}, body }: Loose) {
  const filled = path.replace(/:([a-zA-Z]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  const wanted = new URLSearchParams()
  for (const [name, value] of Object.entries(query as Readonly<Record<string, unknown>>)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      wanted.set(name, String(value))
    }
  }
  const search = wanted.toString()
  return {
    url: search === '' ? filled : `${filled}?${search}`,
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }
}
