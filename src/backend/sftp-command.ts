import type { Words } from './ssh-process.ts'

/** Where an SFTP server is, as it was written. */
export interface SftpAddress {
  readonly user?: string | undefined
  /** May be empty when a command of the user's own makes the connection. */
  readonly host: string
  readonly port?: string | undefined
}

export interface SftpCommandOptions {
  /** A program and its arguments that connect its standard streams to the server, in place of ssh. */
  readonly command?: readonly string[] | undefined
  /** More arguments for ssh. */
  readonly args?: readonly string[] | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
}

/** How to connect. `silent`: without asking anybody anything. What the user gives comes first, and so counts. */
export function sftpCommand(
  { user, host, port }: SftpAddress,
  { command, args = [], env = process.env }: SftpCommandOptions,
  { silent }: { readonly silent: boolean },
): Words {
  const [program, ...words] = command ?? []
  if (program !== undefined) return [program, ...words]
  const asksElsewhere = env['SSH_ASKPASS'] !== undefined && env['SSH_ASKPASS'] !== ''
  return [
    'ssh',
    ...(port === undefined ? [] : ['-p', port]),
    ...(user === undefined ? [] : ['-l', user]),
    ...args,
    ...(silent && !asksElsewhere ? ['-o', 'BatchMode=yes'] : []),
    '-s',
    '--',
    host,
    'sftp',
  ]
}
