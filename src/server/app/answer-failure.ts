import type { FastifyReply, FastifyRequest } from 'fastify'
import { UnderstudyError } from '#base'
import type { ErrorAnswer } from '#protocol'
import { ServerError } from '../errors.ts'
import { databaseFailure } from '../store/failures.ts'

/** HTTP status of codes that have one of their own; every other of ours is 400. */
const statusOf: Readonly<Record<string, number>> = {
  SIGN_IN_NEEDED: 401,
  RIGHT_MISSING: 403,
  ORIGIN_REFUSED: 403,
  OWN_PASSWORD_WRONG: 403,
  PROOF_NEEDED: 403,
  SECOND_FACTOR_NEEDED: 403,
  SECOND_FACTOR_CODE_WRONG: 403,
  SECOND_FACTOR_LOCKED: 429,
  NOT_FOUND: 404,
  NOTHING_YET: 404,
  DUMP_NOT_FOUND: 404,
  SUBFOLDER_NOT_FOUND: 404,
  AGENT_TOO_OLD: 426,
  AGENT_TOO_NEW: 426,
  TOO_MANY_REQUESTS: 429,
  RATE_EXCEEDED: 429,
  DATABASE_UNREACHABLE: 503,
  DATABASE_FAILED: 503,
  READING_BUSY: 503,
  PREVIEWS_BUSY: 503,
  TOO_MANY_STREAMS: 429,
  NOT_READY: 503,
}

/** Answers a call that fails: with code, sentence and hint; what nobody foresaw is told to the log, not to who asked. */
export async function answerFailure(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const error = toKnown(thrown, request)
  const { seconds } = error.details
  if (typeof seconds === 'number') reply.header('retry-after', String(seconds))
  const answer: ErrorAnswer = { code: error.code, message: error.message, hint: error.hint }
  return await reply.status(statusOf[error.code] ?? (error.code === 'INTERNAL' ? 500 : 400)).send(answer)
}

function toKnown(thrown: unknown, request: FastifyRequest): UnderstudyError {
  if (thrown === undefined) return new ServerError('NOT_FOUND', { what: 'call' })
  if (thrown instanceof UnderstudyError) return thrown
  const { statusCode, message } = thrown as { statusCode?: number; message: string }
  // What Fastify itself refuses: a body that is too large, of a type that it does not take.
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ServerError('INPUT_INVALID', { part: 'call', reason: message })
  }
  const reason = databaseFailure(thrown)
  if (reason !== undefined) {
    request.log.error({ err: thrown, number: request.id }, 'the control database failed')
    return new ServerError('DATABASE_FAILED', { reason, transient: true, cause: thrown })
  }
  request.log.error({ err: thrown, number: request.id }, 'a call failed')
  return new ServerError('INTERNAL', { number: request.id, cause: thrown })
}
