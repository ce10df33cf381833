import type { Right } from '#protocol'
import type { z } from 'zod'
import type { Caller, MachineCaller } from './caller.ts'
import type { Streamed } from './send-events.ts'
import type { RateName } from './rates.ts'
import type { Services } from './services.ts'

/**
 * A route is data: what may be asked, by whom, what comes back. The app checks all of it before and after the handler, the
 * OpenAPI page and the matrix of rights in the tests are made from it.
 */

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What the path names, by which the client is found that the right must be for. */
export type ScopeName =
  | 'client'
  | 'machine'
  | 'policy'
  | 'repository'
  | 'operation'
  | 'approval'
  | 'evidence'
  | 'destination'

export type Access =
  /** Nobody need be known. */
  | { readonly by: 'anybody'; readonly because: string }
  /** A person who is signed in, whatever the roles. */
  | { readonly by: 'somebody' }
  /** A person with a right for the client of what the path parameter of this name names. */
  | { readonly by: 'person'; readonly right: Right; readonly of: ScopeName }
  /** A person with a right for the server itself. */
  | { readonly by: 'person'; readonly right: Right; readonly of: 'server' }
  /** A person; the handler shows what belongs to the clients for which the person has the right. */
  | { readonly by: 'person'; readonly right: Right; readonly of: 'each' }
  /** An approved machine, about itself. */
  | { readonly by: 'machine' }
  /** A machine without our agent, by the token in its script, about itself. */
  | { readonly by: 'script' }

type CallerOf<By extends Access['by']> = By extends 'machine' | 'script'
  ? MachineCaller
  : By extends 'anybody'
    ? Caller | undefined
    : Caller

export interface Asked<Params, Query, Body, Who> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly caller: Who
  /** The network address that it came from. */
  readonly address: string
  /** Aborts when whoever asked has gone. */
  readonly signal: AbortSignal
  /** Of who reads a stream again: the id of the last event that was read. */
  readonly lastEventId: string | undefined
}

/** How an answer goes over the wire: as JSON, as the lines of a text, as a stream of events that ends with its reader. */
export type Sending = 'json' | 'text' | 'events'

/** Where monitoring looks for metrics is fixed by habit. */
type Path = `/api/${string}` | '/metrics'

interface Definition<
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  A extends z.ZodType,
  W extends Access,
> {
  readonly method: Method
  /** With `:name` for parameters; below `/api`, but for what others fix. */
  readonly path: Path
  /** One sentence, for the API’s page. */
  readonly summary: string
  readonly access: W
  /**
   * The words of the command that makes this call: a thing and a verb, `machine list`. Each call that people make has one;
   * machines’ calls have none. Run `node scripts/build-api-commands.ts` when it changes.
   */
  readonly command?: string
  /** The password must have been shown for it: a token is not enough. */
  readonly bySession?: true
  /** Password and second factor must have been shown just now; a token needs a scope for it. */
  readonly fresh?: true
  /** Also for who has no second factor where one is demanded: what is needed to set it up. */
  readonly beforeSecondFactor?: true
  /** Default: JSON. */
  readonly sends?: Exclude<Sending, 'events'>
  /** It takes data or keys out: nobody may do it more often than this. */
  readonly rate?: RateName
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  /** Bytes of the body at most, where the usual limit is too low. */
  readonly mostBody?: number
  readonly answer: A
  handle(
    asked: Asked<z.output<P>, z.output<Q>, z.output<B>, CallerOf<W['by']>>,
    services: Services,
  ): Promise<z.input<A>>
}

/** A route of whatever types. */
export interface Route {
  readonly method: Method
  readonly path: Path
  readonly summary: string
  readonly access: Access
  readonly command?: string
  readonly bySession?: true
  readonly fresh?: true
  readonly beforeSecondFactor?: true
  readonly sends?: Sending
  readonly rate?: RateName
  readonly params?: z.ZodType
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  readonly mostBody?: number
  /** Of a stream: what each of its events is. */
  readonly answer: z.ZodType
  handle(asked: Asked<unknown, unknown, unknown, unknown>, services: Services): Promise<unknown>
}

/** Makes a route whose handler knows the types of its schemas. */
export function route<
  const W extends Access,
  A extends z.ZodType,
  P extends z.ZodType = z.ZodUnknown,
  Q extends z.ZodType = z.ZodUnknown,
  B extends z.ZodType = z.ZodUnknown,
>(definition: Definition<P, Q, B, A, W>): Route {
  return definition
}

interface StreamDefinition<A extends z.ZodType, W extends Access> extends Pick<Route, 'path' | 'summary' | 'command'> {
  readonly access: W
  /** What each event is. */
  readonly answer: A
  handle(
    asked: Asked<unknown, unknown, unknown, CallerOf<W['by']>>,
    services: Services,
  ): AsyncGenerator<Streamed<z.input<A>>>
}

/** Makes a route that is answered with a stream of events. What the handler itself throws is answered like any failure. */
export function streamRoute<const W extends Access, A extends z.ZodType>(definition: StreamDefinition<A, W>): Route {
  return {
    ...definition,
    method: 'GET',
    sends: 'events',
    handle: async (asked, services) =>
      definition.handle(asked as Asked<unknown, unknown, unknown, CallerOf<W['by']>>, services),
  }
}
