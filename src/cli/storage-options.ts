import type { S3Options, SshOptions } from '#backend'
import type { CliError } from './errors.ts'
import { s3Options } from './s3-options.ts'
import { splitShellWords } from './shell-words.ts'

/** What `-o KEY=VALUE` sets: details of one kind of storage. */
export interface StorageOptions {
  /** Calls at once, by kind of storage. */
  readonly connections: Readonly<Record<string, number>>
  readonly ssh: SshOptions
  readonly s3: S3Options
}

type Refuse = (reason: string) => CliError

const kinds = ['local', 'rest', 'sftp', 's3']

/** Every option there is, for `options` and for messages. */
export const storageOptions = [
  ...kinds.map((kind) => ({ name: `${kind}.connections`, value: 'N', description: 'how many calls are made at once' })),
  { name: 'sftp.command', value: 'COMMAND', description: 'what is run instead of ssh' },
  { name: 'sftp.args', value: 'WORDS', description: 'arguments for ssh' },
  ...Object.entries(s3Options).map(([name, { value, description }]) => ({ name: `s3.${name}`, value, description })),
] as const

/** Refuses what is unknown: an option that does nothing would be believed to work. */
export function readStorageOptions(given: readonly string[], refuse: Refuse): StorageOptions {
  const connections: Record<string, number> = {}
  const ssh: { command?: string[]; args?: string[] } = {}
  let s3: S3Options = {}
  for (const option of rejoined(given)) {
    const [, kind = '', name = '', value = ''] = /^\s*([a-z0-9]+)\.([a-z-]+)=(.*)$/s.exec(option) ?? []
    if (kinds.includes(kind) && name === 'connections') connections[kind] = readConnections(option, value, refuse)
    else if (kind === 'sftp' && name === 'command') ssh.command = readWords(option, value, refuse)
    else if (kind === 'sftp' && name === 'args') ssh.args = readWords(option, value, refuse)
    else if (kind === 's3' && Object.hasOwn(s3Options, name)) s3 = { ...s3, ...readS3(option, [name, value], refuse) }
    else throw refuse(`"${option}" is no option; \`understudy options\` lists them`)
  }
  if (ssh.command && ssh.args) throw refuse('sftp.command and sftp.args exclude each other')
  return { connections, ssh, s3 }
}

/** Options are separated by commas, but a list of ciphers in sftp.args may hold some, too. */
function rejoined(given: readonly string[]): string[] {
  const options: string[] = []
  for (const part of given) {
    if (/^\s*[a-z0-9]+\.[a-z-]+=/.test(part) || options.length === 0) options.push(part)
    else options.push(`${options.pop()},${part}`)
  }
  return options
}

function readConnections(option: string, value: string, refuse: Refuse): number {
  const count = /^\d+\s*$/.test(value) ? Number(value) : 0
  if (!(count >= 1 && count <= 1000)) throw refuse(`"${option}" asks for no number of connections; give 1 to 1000`)
  return count
}

function readWords(option: string, value: string, refuse: Refuse): string[] {
  const words = splitShellWords(value)
  if (!words) throw refuse(`"${option}" holds no words, or a quote that is not closed`)
  return words
}

function readS3(option: string, [name, text]: readonly [string, string], refuse: Refuse): S3Options {
  const { value, read } = s3Options[name] as (typeof s3Options)[string]
  const options = read(text.trim())
  if (!options) throw refuse(`"${option}" is not of the form s3.${name}=${value}`)
  return options
}
