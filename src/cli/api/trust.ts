import { hasCode } from '#base'
import type { Cancellable, UnderstudyError } from '#base'
import { valueFlag } from '../command.ts'
import type { CliCommand } from '../command.ts'
import { textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { serverFolder } from '../data-folder.ts'
import type { Questions } from './ask.ts'
import { callApi } from './connection.ts'
import type { KnownServer } from './connection.ts'
import { findLocalAccess, parseFingerprint } from './find-server.ts'

export function addFingerprintFlag(command: CliCommand): void {
  command.addOption(
    valueFlag('--fingerprint <hex>', 'SHA-256 of the server’s certificate, if it is one of its own making'),
  )
}

/**
 * The server at an address, of whose certificate we are sure: the system trusts it, its fingerprint was given, it is this
 * machine’s own, or somebody on a terminal has said that it is the one. Throws `CERTIFICATE_NOT_TRUSTED` otherwise, and
 * `SERVER_NOT_REACHED`.
 */
export async function trustServer(
  { env, signal, printer }: CommandContext,
  flags: CommandFlags,
  { url, asked }: { readonly url: string; readonly asked: Questions },
): Promise<KnownServer> {
  const given = textOf(flags, 'fingerprint')
  const local = findLocalAccess(serverFolder(env))
  const own = local && (local.url === url || local.origin === url) ? local.fingerprint : undefined
  const fingerprint = given === undefined ? own : parseFingerprint(given)
  const server = { url, ...(fingerprint !== undefined && { fingerprint }) }
  try {
    await look(server, { signal })
    return server
  } catch (thrown) {
    if (!hasCode(thrown, 'CERTIFICATE_NOT_TRUSTED') || !asked.isTerminal) throw thrown
    const shown = String((thrown as UnderstudyError).details['fingerprint'])
    printer.terminal.printError(
      `The server at ${url} shows a certificate that nobody vouches for. Its fingerprint is\n\n  ${shown}\n`,
    )
    const answer = await asked.ask('Is that what the server itself names? Type yes or no: ')
    if (answer !== 'yes') throw thrown
    return { url, fingerprint: shown }
  }
}

async function look(server: KnownServer, options: Cancellable): Promise<void> {
  await callApi(server, { method: 'GET', path: '/api/health/live' }, options)
}
