import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { messageOf } from '#base'
import type { Environment } from './environment.ts'
import { CliError, usage } from './errors.ts'
import { plainMessage } from './failure-text.ts'
import type { PasswordFlags } from './global-flags.ts'
import { promptForSecret } from './prompt.ts'
import { splitShellWords } from './shell-words.ts'

/** Passwords come from a file, a command, the environment or a prompt; never from an argument, which others can see. */

export interface PasswordRequest {
  readonly flags: PasswordFlags
  readonly env: Environment
  /** Name of the variable with the password, without prefix. */
  readonly variable: string
  readonly command: string
  readonly signal: AbortSignal
}

/** The password that was given beforehand; undefined when there is none, so that somebody must be asked. */
export async function readGivenPassword({
  flags,
  env,
  variable,
  command,
  signal,
}: PasswordRequest): Promise<string | undefined> {
  if (flags.file !== undefined && flags.command !== undefined) {
    throw usage(command, '--password-file and --password-command exclude each other')
  }
  const given = await readSource(flags, signal)
  const password = given ?? env.get(variable)
  if (!flags.none) return password === '' ? undefined : password
  if (password !== undefined && password !== '') {
    throw usage(command, '--insecure-no-password was given together with a password')
  }
  return ''
}

async function readSource({ file, command }: PasswordFlags, signal: AbortSignal): Promise<string | undefined> {
  if (command !== undefined) return await runPasswordCommand(command, signal)
  return file === undefined ? undefined : readPasswordFile(file, '--password-file')
}

/** The text of a file without the white space around it, as restic takes it. */
export function readPasswordFile(path: string, flag: string): string {
  return readTextFile(path, flag).trim()
}

/** Text in UTF-8, or in UTF-16 with its mark. */
export function readTextFile(path: string, flag: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    throw new CliError('FLAG_FILE_NOT_READ', { path, flag, reason: plainMessage(cause), cause })
  }
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.toString('utf16le', 2)
  if (bytes[0] === 0xfe && bytes[1] === 0xff)
    return bytes
      .subarray(2, bytes.length & ~1)
      .swap16()
      .toString('utf16le')
  const text = bytes.toString('utf8')
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

async function runPasswordCommand(line: string, signal: AbortSignal): Promise<string> {
  const [program, ...args] = splitShellWords(line) ?? []
  if (program === undefined) throw new CliError('PASSWORD_COMMAND_FAILED', { reason: `"${line}" is no command` })
  const child = spawn(program, args, { stdio: ['inherit', 'pipe', 'inherit'], signal })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  let ended: readonly unknown[]
  try {
    ended = await once(child, 'close')
  } catch (cause) {
    signal.throwIfAborted()
    throw new CliError('PASSWORD_COMMAND_FAILED', { reason: messageOf(cause), cause })
  }
  const [code, killedBy] = ended as [number | null, string | null]
  if (code !== 0) throw new CliError('PASSWORD_COMMAND_FAILED', { reason: killedBy ?? `it ended with ${code}` })
  return Buffer.concat(chunks).toString('utf8').trim()
}

/** What is said when there is no password: each names its own flags. */
export type Missing = 'PASSWORD_MISSING' | 'SOURCE_PASSWORD_MISSING' | 'NEW_PASSWORD_MISSING'

/** Asks for the password of a repository that exists. */
export async function askPassword(question: string, signal: AbortSignal, missing: Missing): Promise<string> {
  const password = await promptForSecret(question, signal)
  if (password === '') throw new CliError(missing)
  return password
}

/** Asks for a new password; twice where somebody types it. */
export async function askNewPassword(question: string, signal: AbortSignal, missing: Missing): Promise<string> {
  const password = await askPassword(question, signal, missing)
  if (!process.stdin.isTTY) return password
  const again = await promptForSecret('enter password again: ', signal)
  if (again !== password) throw new CliError('PASSWORDS_DIFFER')
  return password
}
