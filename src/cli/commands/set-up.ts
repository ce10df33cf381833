import { questions } from '../api/ask.ts'
import { callApi, parseServerAddress } from '../api/connection.ts'
import { addFingerprintFlag, trustServer } from '../api/trust.ts'
import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { CliError } from '../errors.ts'

const text = `
Sets up your account by the link that the server printed at its first start, or that you were sent as an invitation: asks for
the link, your name, e-mail address and password. The link works once. It is asked for and not an argument, because others on
this machine can read command lines.`

export function define(command: CliCommand): void {
  setHelp(command, { text, examples: ['understudy set-up'], ofServer: true })
  addFingerprintFlag(command)
  runs(command, setUp, { outlivesOutput: true })
}

async function setUp(context: CommandContext, args: readonly string[], flags: CommandFlags): Promise<void> {
  const { printer, signal } = context
  if (args.length > 0) throw context.refuse('set-up takes no arguments: it asks for the link')
  const asked = questions(signal)
  const { url, token } = parseLink(context, await asked.ask('link: '))
  const server = await trustServer(context, flags, { url, asked })
  const name = await asked.ask('your name: ')
  const email = await asked.ask('e-mail address: ')
  const password = await asked.askSecret('new password, at least 12 characters: ')
  const again = asked.isTerminal ? await asked.askSecret('the same again: ') : password
  if (again !== password) throw new CliError('PASSWORDS_DIFFER')
  const body = { token, name, email, password }
  await callApi(server, { method: 'POST', path: '/api/set-up', body }, { signal })
  if (printer.isJson) printer.json({ message_type: 'set_up', server: url, email })
  else printer.say(`Done. Sign in with: understudy login ${url}`)
}

function parseLink(context: CommandContext, link: string): { readonly url: string; readonly token: string } {
  const [, address = '', token = ''] = /^(https?:\/\/[^/#\s]+)\/set-up#([A-Za-z0-9_-]{20,200})$/.exec(link) ?? []
  if (token === '') throw context.refuse('this is no set-up link: it is like https://backup.example:8484/set-up#…')
  return { url: parseServerAddress(address), token }
}
