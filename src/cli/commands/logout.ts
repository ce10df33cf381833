import { hasCode } from '#base'
import { callApi, parseServerAddress } from '../api/connection.ts'
import { CallError } from '../api/errors.ts'
import { readLogins, writeLogins } from '../api/login-file.ts'
import type { Login } from '../api/login-file.ts'
import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext } from '../context.ts'

const text = `
Takes the token of this terminal out of force at the server, and forgets it here. While the server cannot be reached it is
kept, as nobody else knows how to take it out of force from here.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: ['understudy logout', 'understudy logout https://backup.example:8484'],
    ofServer: true,
  })
  command.argument('[address]', 'of the server (default: the last login)')
  runs(command, logout, { outlivesOutput: true })
}

async function logout({ env, printer, signal }: CommandContext, [address]: readonly string[]): Promise<void> {
  const url = address === undefined ? undefined : parseServerAddress(address)
  const known = readLogins(env)
  const login = known.find((one) => url === undefined || one.url === url)
  if (!login) throw new CallError('LOGIN_MISSING', { server: url ?? 'any server' })
  await revoke(login, signal)
  writeLogins(
    env,
    known.filter((one) => one !== login),
  )
  if (printer.isJson) printer.json({ message_type: 'signed_out', server: login.url })
  else printer.say(`You are signed out at ${login.url}.`)
}

async function revoke(login: Login, signal: AbortSignal): Promise<void> {
  const { token, tokenId } = login
  const headers = { authorization: `Bearer ${token}` }
  try {
    await callApi(login, { method: 'DELETE', path: `/api/tokens/${tokenId}`, headers }, { signal })
  } catch (thrown) {
    // It has ended already, or was taken out of force elsewhere.
    if (!hasCode(thrown, 'SIGN_IN_NEEDED') && !hasCode(thrown, 'NOT_FOUND')) throw thrown
  }
}
