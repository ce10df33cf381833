import { fileURLToPath } from 'node:url'
import { start } from './run.ts'
import type { RunningCommand } from './run.ts'

/** The program as its source runs it. */
export const mainModule = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** A control server as a process of its own. */
export interface Serving extends AsyncDisposable {
  readonly command: RunningCommand
  readonly origin: string
  readonly ownerLink: string | undefined
  readonly fingerprint: string | undefined
}

export const ownerPassword = 'correct horse battery'
export const ownerEmail = 'owner@example.org'

/** Starts it, without an agent of its own unless a flag is `--agent`. */
export async function serve(folder: string, port: number, ...given: readonly string[]): Promise<Serving> {
  return await serveIn({}, folder, port, ...given)
}

/** The same, with variables of the environment. */
export async function serveIn(
  env: Readonly<Record<string, string>>,
  folder: string,
  port: number,
  ...given: readonly string[]
): Promise<Serving> {
  const flags = given.includes('--agent') ? given.filter((flag) => flag !== '--agent') : [...given, '--no-agent']
  const listen = flags.includes('--listen') ? [] : ['--listen', `127.0.0.1:${port}`]
  const args = [mainModule, 'serve', '--json', '--data', folder, ...listen, ...flags]
  const command = start(process.execPath, args, { timeout: 600_000, env })
  await command.printed(/"message_type":"serving".*\n/)
  const line = JSON.parse(command.output().stdout) as { origin: string; owner_link?: string; fingerprint?: string }
  return {
    command,
    origin: line.origin,
    ownerLink: line.owner_link,
    fingerprint: line.fingerprint,
    [Symbol.asyncDispose]: async () => await command[Symbol.asyncDispose](),
  }
}

export interface Answered {
  readonly status: number
  readonly json: unknown
}

export async function callApi(
  origin: string,
  path: string,
  {
    body,
    token,
    method = body === undefined ? 'GET' : 'POST',
  }: {
    readonly body?: object
    readonly token?: string
    readonly method?: string
  } = {},
): Promise<Answered> {
  const answer = await fetch(origin + path, {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json', origin }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, json: await answer.json() }
}

export async function setUpOwner({ origin, ownerLink }: Serving): Promise<number> {
  const body = { token: ownerLink?.split('#')[1], email: ownerEmail, name: 'Owner', password: ownerPassword }
  return (await callApi(origin, '/api/set-up', { body })).status
}

/** A token of the owner with every right. */
export async function ownerToken({ origin }: Serving): Promise<string> {
  const signedIn = await fetch(`${origin}/api/auth/sign-in/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ email: ownerEmail, password: ownerPassword }),
  })
  const cookie = signedIn.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ')
  const answer = await fetch(`${origin}/api/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin, cookie },
    body: JSON.stringify({
      name: 'test',
      scopes: ['see', 'restore', 'read', 'operate', 'audit', 'administer', 'destroy'],
    }),
  })
  return ((await answer.json()) as { token: string }).token
}
