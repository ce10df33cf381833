import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempFolder } from '../../test/helpers/temp.ts'
import { Environment } from './environment.ts'
import type { PasswordFlags } from './global-flags.ts'
import { readGivenPassword } from './password.ts'

function read(flags: Partial<PasswordFlags>, env: NodeJS.ProcessEnv = {}): Promise<string | undefined> {
  const all = { file: undefined, command: undefined, none: false, keyHint: undefined, ...flags }
  const { signal } = new AbortController()
  return readGivenPassword({ flags: all, env: Environment.take(env), variable: 'PASSWORD', command: 'ls', signal })
}

test('a password comes from a file without the white space around it, whatever its encoding', async () => {
  await using folder = await tempFolder()
  const file = folder.join('password')
  for (const bytes of [' geheim \n', '\ufeffgeheim\r\n', Buffer.from('\ufeffgeheim\n', 'utf16le')]) {
    await writeFile(file, bytes)
    assert.equal(await read({ file }), 'geheim')
  }
})

test('a password comes from a command, without a shell, or from the environment; a file comes first', async () => {
  assert.equal(await read({ command: `printf '%s\\n' 'a  b'` }), 'a  b')
  assert.equal(await read({}, { RESTIC_PASSWORD: 'x' }), 'x')
  assert.equal(await read({}, { RESTIC_PASSWORD: '' }), undefined)
  assert.equal(await read({ command: 'printf y' }, { RESTIC_PASSWORD: 'x' }), 'y')
})

test('a command that fails gives no password, and its words are not taken for one', async () => {
  await assert.rejects(read({ command: `sh -c 'echo secret; exit 3'` }), { code: 'PASSWORD_COMMAND_FAILED' })
  await assert.rejects(read({ command: '/nowhere/at-all' }), { code: 'PASSWORD_COMMAND_FAILED' })
  await assert.rejects(read({ command: `'unclosed` }), { code: 'PASSWORD_COMMAND_FAILED' })
})

test('two sources, or a password together with the wish for none, are refused', async () => {
  await assert.rejects(read({ file: '/a', command: 'b' }), { code: 'USAGE' })
  await assert.rejects(read({ none: true }, { UNDERSTUDY_PASSWORD: 'x' }), { code: 'USAGE' })
  assert.equal(await read({ none: true }), '')
  await assert.rejects(read({ file: '/nowhere/at-all' }), { code: 'FLAG_FILE_NOT_READ' })
})
