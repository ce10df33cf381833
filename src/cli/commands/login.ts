import { hostname, userInfo } from 'node:os'
import { idSchema, rights } from '#protocol'
import { z } from 'zod'
import { questions } from '../api/ask.ts'
import { callApi, parseServerAddress, readAnswer } from '../api/connection.ts'
import type { KnownServer } from '../api/connection.ts'
import { findLocalAccess } from '../api/find-server.ts'
import { loginFile, readLogins, writeLogins } from '../api/login-file.ts'
import type { Login } from '../api/login-file.ts'
import { signIn } from '../api/sign-in.ts'
import type { Session } from '../api/sign-in.ts'
import { addFingerprintFlag, trustServer } from '../api/trust.ts'
import type { CliCommand } from '../command.ts'
import { listFlag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { serverFolder } from '../data-folder.ts'

const text = `
Signs you in at a server: asks for e-mail address, password and, where you have one, the second factor, and keeps a token of
this terminal in a file that only you can read. It holds for thirty days, or until \`understudy logout\`. On the machine where
the server runs, its own user and root need no login.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy login https://backup.example:8484',
      'understudy login backup.example:8484 --rights see,operate --fingerprint 3f0a…',
    ],
    ofServer: true,
  })
  command.argument('[address]', 'of the server (UNDERSTUDY_SERVER; default: the one on this machine)')
  command.addOption(valueFlag('--email <address>', 'who signs in (default: it is asked)'))
  command.addOption(listFlag('--rights <right[,right…]>', `what the token may do at most: ${rights.join(', ')}`))
  addFingerprintFlag(command)
  runs(command, login, { outlivesOutput: true })
}

const madeSchema = z.object({ id: idSchema, token: z.string() })

/** How long a terminal stays signed in, in milliseconds. */
const tokenLife = 30 * 86_400_000

async function login(context: CommandContext, [address]: readonly string[], flags: CommandFlags): Promise<void> {
  const { env, printer, signal } = context
  const scopes = readRights(context, flags)
  const known = readLogins(env)
  const asked = questions(signal)
  const server = await trustServer(context, flags, { url: addressOf(context, address), asked })
  await using session = await signIn(server, asked, { email: textOf(flags, 'email'), signal })
  const token = await createToken(server, session, { scopes, signal })
  const { url } = server
  const before = known.filter((one) => one.url === url)
  writeLogins(env, [{ ...server, email: session.email, ...token }, ...known.filter((one) => one.url !== url)])
  for (const one of before) await revokeOld(server, session, one)
  if (printer.isJson) printer.json({ message_type: 'signed_in', server: url, email: session.email })
  else printer.say(`You are signed in at ${url}. The token is in ${loginFile(env)}, for you only.`)
}

function readRights(context: CommandContext, flags: CommandFlags): readonly string[] {
  const given = flags['rights'] as readonly string[] | undefined
  if (given === undefined) return rights
  const wanted = given.flatMap((one) => one.split(','))
  const wrong = wanted.find((one) => !(rights as readonly string[]).includes(one))
  if (wrong !== undefined) throw context.refuse(`"${wrong}" is no right; there are ${rights.join(', ')}`)
  return wanted
}

function addressOf({ env }: CommandContext, typed: string | undefined): string {
  const given = typed ?? env.variables['UNDERSTUDY_SERVER']
  if (given) return parseServerAddress(given)
  return findLocalAccess(serverFolder(env))?.url ?? parseServerAddress('localhost:8484')
}

async function createToken(
  server: KnownServer,
  { headers }: Session,
  { scopes, signal }: { readonly scopes: readonly string[]; readonly signal: AbortSignal },
): Promise<Pick<Login, 'tokenId' | 'token'>> {
  const name = `terminal of ${userInfo().username} on ${hostname()}`.slice(0, 200)
  const body = { name, scopes, expiresAt: new Date(Date.now() + tokenLife).toISOString() }
  const answer = await callApi(server, { method: 'POST', path: '/api/tokens', body, headers }, { signal })
  const { id: tokenId, token } = readAnswer(madeSchema, answer, server)
  return { tokenId, token }
}

/** The token that this terminal had before. It may have ended, or be somebody else’s: that is as well. */
async function revokeOld(server: KnownServer, { headers }: Session, { tokenId }: Login): Promise<void> {
  await callApi(server, { method: 'DELETE', path: `/api/tokens/${tokenId}`, headers }).catch(() => undefined)
}
