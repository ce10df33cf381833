import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { localAccessFile } from '#protocol'
import { tempFolder } from '../../../test/helpers/temp.ts'
import type { TempFolder } from '../../../test/helpers/temp.ts'
import type { CommandContext } from '../context.ts'
import { Environment } from '../environment.ts'
import { findServer, parseFingerprint } from './find-server.ts'
import { loginFile, readLogins, writeLogins } from './login-file.ts'

function environment(folder: TempFolder, more: NodeJS.ProcessEnv = {}): Environment {
  return Environment.take({ XDG_CONFIG_HOME: folder.join('config'), XDG_DATA_HOME: folder.join('data'), ...more })
}

function find(env: Environment, flags: Readonly<Record<string, unknown>> = {}) {
  return findServer({ env } as CommandContext, flags)
}

function login(url: string) {
  return { url, email: 'a@example.org', tokenId: 'b0000000-0000-4000-8000-000000000001', token: `token of ${url}` }
}

function writeLocal(folder: string, mode = 0o600): void {
  mkdirSync(folder, { recursive: true })
  const text = { url: 'http://127.0.0.1:1', origin: 'http://localhost:1', secret: 'usl_a-secret-of-this-start' }
  writeFileSync(`${folder}/${localAccessFile}`, JSON.stringify(text))
  chmodSync(`${folder}/${localAccessFile}`, mode)
}

test('of several logins the newest counts, or the one at the address that is named', async () => {
  await using folder = await tempFolder()
  const env = environment(folder)
  assert.deepEqual(readLogins(env), [])
  writeLogins(env, [login('https://new.example'), login('https://old.example')])
  assert.equal(statSync(loginFile(env)).mode & 0o777, 0o600)
  assert.equal(statSync(dirname(loginFile(env))).mode & 0o777, 0o700)
  assert.equal(find(env).token, 'token of https://new.example')
  assert.equal(find(env, { server: 'old.example' }).token, 'token of https://old.example')
  assert.throws(() => find(env, { server: 'other.example' }), { code: 'LOGIN_MISSING' })
})

test('a file of logins that others may read, or that is none, is refused', async () => {
  await using folder = await tempFolder()
  const env = environment(folder)
  writeLogins(env, [login('https://new.example')])
  chmodSync(loginFile(env), 0o644)
  assert.throws(() => find(env), { code: 'LOGIN_FILE_INVALID', message: /others may read/ })
  chmodSync(loginFile(env), 0o600)
  writeFileSync(loginFile(env), '{"logins": 7}')
  assert.throws(() => find(env), { code: 'LOGIN_FILE_INVALID' })
})

test('a script gives address and token in the environment, and no child inherits the token', async () => {
  await using folder = await tempFolder()
  const variables = { UNDERSTUDY_SERVER: 'https://a.example', UNDERSTUDY_TOKEN: 'ust_x' }
  const env = environment(folder, variables)
  writeLogins(env, [login('https://new.example')])
  assert.deepEqual(find(env), { url: 'https://a.example', token: 'ust_x' })
  const given: NodeJS.ProcessEnv = { ...variables }
  Environment.take(given)
  assert.deepEqual(Object.keys(given), ['UNDERSTUDY_SERVER'])
  writeFileSync(folder.join('token'), 'ust_file\n')
  const byFile = { UNDERSTUDY_SERVER: 'https://a.example', UNDERSTUDY_TOKEN_FILE: folder.join('token') }
  assert.equal(find(environment(folder, byFile)).token, 'ust_file')
  const fingerprint = 'AB:'.repeat(31) + 'AB'
  assert.equal(
    find(environment(folder, { ...variables, UNDERSTUDY_FINGERPRINT: fingerprint })).fingerprint,
    'ab'.repeat(32),
  )
  assert.throws(() => parseFingerprint('abc'), { code: 'SERVER_ADDRESS_INVALID' })
})

test('the server here is used where nobody is signed in, and its file is for this user only', async () => {
  await using folder = await tempFolder()
  const env = environment(folder)
  const named = folder.join('named')
  writeLocal(named)
  assert.equal(find(env, { data: named }).token, 'usl_a-secret-of-this-start')
  writeLocal(named, 0o640)
  assert.throws(() => find(env, { data: named }), { code: 'LOCAL_ACCESS_REFUSED', message: /others may read/ })
  writeFileSync(`${named}/${localAccessFile}`, 'no JSON', { mode: 0o600 })
  chmodSync(`${named}/${localAccessFile}`, 0o600)
  assert.throws(() => find(env, { data: named }), {
    code: 'LOCAL_ACCESS_REFUSED',
    message: /not what the server writes/,
  })
  assert.throws(() => find(env, { data: folder.join('none') }), { code: 'LOCAL_ACCESS_REFUSED', message: /none runs/ })
})

test('without a login and without a flag it is the server in the usual folder', async () => {
  await using folder = await tempFolder()
  const env = environment(folder)
  const usual = folder.join('usual')
  const findHere = (flags = {}, at = env) => findServer({ env: at } as CommandContext, flags, usual)
  assert.throws(() => findHere(), { code: 'LOGIN_MISSING' })
  writeLocal(usual)
  assert.equal(findHere().url, 'http://127.0.0.1:1')
  assert.equal(findHere({ server: 'localhost:1' }).url, 'http://127.0.0.1:1')
  assert.throws(() => findHere({ server: 'localhost:2' }), { code: 'LOGIN_MISSING' })
  const byToken = findHere({}, environment(folder, { UNDERSTUDY_TOKEN: 'ust_x' }))
  assert.deepEqual([byToken.url, byToken.token], ['http://127.0.0.1:1', 'ust_x'])
  writeLogins(env, [login('https://new.example')])
  assert.equal(findHere().url, 'https://new.example')
})
