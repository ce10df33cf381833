import { QueryClient, queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { UseMutationResult, UseQueryResult } from '@tanstack/react-query'
import type { EventKind } from '#protocol'
import type { AnswerOf, ApiCall, Given } from './call.ts'
import { ApiFailure } from './failure.ts'
import { send } from './send.ts'

declare module '@tanstack/react-query' {
  interface Register {
    defaultError: Error
    queryMeta: { readonly about?: readonly EventKind[] }
  }
}

/** Two more tries where the server was not reached; what it refuses it refuses again. */
function isWorthATry(failures: number, thrown: Error): boolean {
  return failures < 2 && thrown instanceof ApiFailure && (thrown.status === 0 || thrown.status >= 502)
}

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      // Events say when something has changed; the rest is for what comes without one.
      queries: { staleTime: 30_000, retry: isWorthATry, refetchOnWindowFocus: true },
      mutations: { retry: false },
    },
  })
}

/** What a call that reads is asked for, and under which key its answer is kept. */
export function asking<C extends ApiCall>(made: C, given: Given<C>) {
  return queryOptions<AnswerOf<C>>({
    queryKey: [made.path, given.params ?? {}, given.query ?? {}, given.body ?? {}],
    queryFn: async ({ signal }) => await send(made, given, { signal }),
    meta: { about: made.about ?? [] },
  })
}

export interface AnswerOptions {
  /** False: it is not asked for yet. */
  readonly enabled?: boolean
  /** Milliseconds after which it is asked for anew, for what no event tells of. */
  readonly every?: number
}

/** The answer of a call that reads; it stays in place while it is asked for anew. */
export function useAnswer<C extends ApiCall>(
  made: C,
  given: Given<C>,
  { enabled = true, every }: AnswerOptions = {},
): UseQueryResult<AnswerOf<C>> {
  return useQuery({ ...asking(made, given), enabled, ...(every !== undefined && { refetchInterval: every }) })
}

/** A call that changes something; what may look different after it is asked for anew at once, without an event. */
export function useAction<C extends ApiCall>(made: C): UseMutationResult<AnswerOf<C>, Error, Given<C>> {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async (given: Given<C>) => await send(made, given),
    onSuccess: () => void askAnew(client, made.about ?? []),
  })
}

/** Asks anew for every answer that is about one of these kinds; `all`: for every answer there is. */
export async function askAnew(client: QueryClient, kinds: readonly EventKind[] | 'all'): Promise<void> {
  await client.invalidateQueries({
    predicate: ({ meta }) => kinds === 'all' || meta?.about?.some((kind) => kinds.includes(kind)) === true,
  })
}
