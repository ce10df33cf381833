import { errorAnswerSchema } from '#protocol'
import type { ErrorAnswer } from '#protocol'

/** A call that did not go well: what the server said, or that it said nothing that is understood. */
export class ApiFailure extends Error {
  readonly code: string
  readonly hint: string
  /** HTTP status; 0: the server was not reached. */
  readonly status: number

  constructor({ code, message, hint }: ErrorAnswer, status: number, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ApiFailure'
    this.code = code
    this.hint = hint
    this.status = status
  }
}

export function isFailure(thrown: unknown, code?: string): thrown is ApiFailure {
  return thrown instanceof ApiFailure && (code === undefined || thrown.code === code)
}

/** What an answer other than 2xx says. Sign-in answers without hint; a proxy in between with whatever it likes. */
export function failureIn(text: string, status: number): ApiFailure {
  const read = errorAnswerSchema.partial({ hint: true }).safeParse(parseOrNothing(text))
  if (!read.success) {
    const message = `The server answered with status ${status}, and nothing that the console understands.`
    return new ApiFailure({ code: 'ANSWER_STRANGE', message, hint: '' }, status)
  }
  const { code, message, hint = '' } = read.data
  return new ApiFailure({ code, message, hint }, status)
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
