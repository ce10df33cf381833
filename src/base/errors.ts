/**
 * Errors that a person can act on.
 *
 * Each room declares its errors as a table: a stable code, one sentence, and a hint. The manual lists the tables, so a
 * code in a log can be looked up; scripts may rely on codes, never on sentences.
 */

/** What a code says. `{name}` in the message is replaced by the detail of that name. */
export interface ErrorEntry {
  /** One sentence: what is wrong. */
  readonly message: string
  /** One sentence: what to do about it. */
  readonly hint: string
  /** Exit code of a command that ends with this error. Default 1. */
  readonly exitCode?: number
}

export type ErrorTable = Readonly<Record<string, ErrorEntry>>

export interface ErrorDetails {
  /** True when the same call may succeed if it is made again (a lost connection, a busy server). */
  readonly transient?: boolean
  readonly cause?: unknown
  readonly [detail: string]: unknown
}

/** The one base of all errors that Understudy throws on purpose. Anything else that is thrown is a bug. */
export class UnderstudyError extends Error {
  readonly code: string
  readonly hint: string
  readonly exitCode: number
  readonly transient: boolean
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: string, entry: ErrorEntry, details: ErrorDetails = {}) {
    const { cause, transient = false, ...rest } = details
    super(fill(entry.message, rest), cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = fill(entry.hint, rest)
    this.exitCode = entry.exitCode ?? 1
    this.transient = transient
    this.details = rest
  }
}

/**
 * Makes the error class of a room from its table.
 *
 * @example
 * export class BackendError extends errorClass('BackendError', backendErrors) {}
 * throw new BackendError('STORAGE_FULL', { location, cause })
 */
export function errorClass<const Table extends ErrorTable>(name: string, table: Table) {
  return class extends UnderstudyError {
    override readonly name = name
    constructor(code: keyof Table & string, details: ErrorDetails = {}) {
      super(code, table[code] as ErrorEntry, details)
    }
  }
}

/**
 * Throws what only a mistake of ours brings about: anything that neither we throw on purpose nor the system. Whoever makes
 * damage out of what was thrown asks this first. A mistake must end the run: taken for damage, it could cost what is right.
 */
export function throwIfBug(thrown: unknown): void {
  if (!(thrown instanceof UnderstudyError || isOfSystem(thrown))) throw thrown
}

// `EIO`, but not `ERR_INVALID_ARG_TYPE`: that one Node throws, at whoever calls it wrongly.
function isOfSystem(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && /^E[A-Z0-9]+$/.test(String(thrown.code))
}

/** The message of anything thrown, for use inside another sentence. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message
  return String(thrown)
}

/** True when `thrown` is an error with this stable code (ours) or this system code (`ENOENT`). */
export function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code
}

function fill(template: string, details: Readonly<Record<string, unknown>>): string {
  return template.replace(/\{(\w+)\}/g, (_, key: string) =>
    printable(key === 'reason' ? clause(details[key]) : details[key]),
  )
}

/** A reason is often the sentence of another error, and the full stop is the template's. */
function clause(reason: unknown): unknown {
  return typeof reason === 'string' ? reason.replace(/(?<!\.)\.$/, '') : reason
}

/** Longest detail that a message repeats: a hostile name must not fill the screen. */
const longestDetail = 300

// Control characters (a terminal escape in a file name, say) and invisible direction marks never reach a terminal or log.
// eslint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** `value` as text that is safe in one line of a terminal or a log. Bytes are shown as UTF-8 where they are. */
export function printable(value: unknown, longest: number = longestDetail): string {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value)
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text
  return cut.replace(unsafe, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** An error as a plain value that travels between threads. */
export interface PlainError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: string | undefined
  readonly ours: { readonly hint: string; readonly exitCode: number; readonly transient: boolean } | undefined
  readonly cause: PlainError | undefined
}

export function toPlainError(thrown: unknown): PlainError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const ours = error instanceof UnderstudyError ? error : undefined
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    code: 'code' in error && typeof error.code === 'string' ? error.code : undefined,
    ours: ours && { hint: ours.hint, exitCode: ours.exitCode, transient: ours.transient },
    cause: error.cause === undefined ? undefined : toPlainError(error.cause),
  }
}

/** The error again, on the other side: an `UnderstudyError` stays one, a system error keeps its code. */
export function fromPlainError(plain: PlainError): Error {
  const cause = plain.cause && fromPlainError(plain.cause)
  const error = plain.ours
    ? new UnderstudyError(plain.code ?? plain.name, { message: '', ...plain.ours }, { transient: plain.ours.transient })
    : new Error('')
  error.message = plain.message
  error.name = plain.name
  if (plain.stack !== undefined) error.stack = plain.stack
  if (cause) error.cause = cause
  return plain.ours || plain.code === undefined ? error : Object.assign(error, { code: plain.code })
}
