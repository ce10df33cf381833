import { serverTimeHeader } from '#protocol'
import type { z } from 'zod'
import type { AnswerOf, ApiCall, Given } from './call.ts'
import { requestOf } from './call.ts'
import { ApiFailure, failureIn, isFailure } from './failure.ts'
import { proofUnderWay, proveAnew } from './prove-anew.ts'
import { noteServerTime } from './server-time.ts'
import { noteTurnedAway } from './turned-away.ts'

export interface SendOptions {
  readonly signal?: AbortSignal
}

/**
 * Makes a call and reads its answer. What asks for a fresh proof of who one is asks the person, and is then made once more.
 * Throws `ApiFailure`s.
 */
export async function send<C extends ApiCall>(
  made: C,
  given: Given<C>,
  options: SendOptions = {},
): Promise<AnswerOf<C>> {
  try {
    return await sendOnce(made, given, options)
  } catch (thrown) {
    const proof = isFailure(thrown, 'PROOF_NEEDED')
      ? proveAnew()
      : isFailure(thrown, 'SIGN_IN_NEEDED') && proofUnderWay()
    if (proof && (await proof)) return await sendOnce(made, given, options)
    if (isFailure(thrown)) noteTurnedAway(thrown.code)
    throw thrown
  }
}

/** Makes a call once, and asks nobody for anything: for who proves just now who it is. Throws `ApiFailure`s. */
export async function sendOnce<C extends ApiCall>(
  made: C,
  given: Given<C>,
  { signal }: SendOptions = {},
): Promise<AnswerOf<C>> {
  const { url, ...about } = requestOf(made, given)
  const answer = await reach(url, { ...about, ...(signal && { signal }) })
  const text = await answer.text()
  if (!answer.ok) throw failureIn(text, answer.status)
  return read(made.answer, text, answer.status) as AnswerOf<C>
}

/** The answer to a request, whatever it is. For files, which are no JSON. */
export async function reach(url: string, about: RequestInit): Promise<Response> {
  try {
    const answer = await fetch(url, { ...about, credentials: 'same-origin' })
    noteServerTime(answer.headers.get(serverTimeHeader))
    return answer
  } catch (cause) {
    if (about.signal?.aborted === true) throw cause
    const message = 'The server does not answer.'
    throw new ApiFailure({ code: 'SERVER_UNREACHABLE', message, hint: '' }, 0, { cause })
  }
}

function read(schema: z.ZodType, text: string, status: number): unknown {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    const message = 'The answer of the server is none that this console understands.'
    throw new ApiFailure({ code: 'ANSWER_NOT_UNDERSTOOD', message, hint: '' }, status, { cause })
  }
}
