import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempFolder } from '../../test/helpers/temp.ts'
import { whileAtRest } from './applications-at-rest.ts'

/** A command that appends a word to a file, and ends with a code. */
function says(log: string, word: string, code = 0): string[] {
  return ['/bin/sh', '-c', `echo ${word} >> "$1"; exit ${code}`, 'sh', log]
}

test('applications rest while the work is done, and go on afterwards', async () => {
  await using folder = await tempFolder()
  const log = join(folder.path, 'log')
  const work = async () => appendFileSync(log, 'work\n')
  await whileAtRest({ rest: says(log, 'rest'), resume: says(log, 'resume') }, work)
  assert.equal(readFileSync(log, 'utf8'), 'rest\nwork\nresume\n')
})

test('they go on also when bringing them to rest failed, and the work is not done then', async () => {
  await using folder = await tempFolder()
  const log = join(folder.path, 'log')
  const work = async () => appendFileSync(log, 'work\n')
  const commands = { rest: says(log, 'rest', 3), resume: says(log, 'resume') }
  await assert.rejects(whileAtRest(commands, work), { code: 'REST_COMMAND_FAILED', message: /ended with code 3/ })
  assert.equal(readFileSync(log, 'utf8'), 'rest\nresume\n')
})

test('they go on also when the work failed, and when the user wants an end', async () => {
  await using folder = await tempFolder()
  const log = join(folder.path, 'log')
  const commands = { rest: says(log, 'rest'), resume: says(log, 'resume') }
  const work = async () => await Promise.reject(new Error('no room for a snapshot'))
  await assert.rejects(whileAtRest(commands, work), /no room/)
  const abort = new AbortController()
  const hangs = { rest: ['/bin/sleep', '60'], resume: says(log, 'resume') }
  const resting = whileAtRest(hangs, async () => undefined, { signal: abort.signal })
  abort.abort(new Error('enough'))
  await assert.rejects(resting, /enough/)
  assert.equal(readFileSync(log, 'utf8'), 'rest\nresume\nresume\n')
})

test('a command that is not there is told by its name', async () => {
  const commands = { rest: ['/no/such/program'], resume: undefined }
  await assert.rejects(
    whileAtRest(commands, async () => undefined),
    { code: 'REST_COMMAND_FAILED', message: /\/no\/such\/program/ },
  )
  assert.ok(!existsSync('/no/such/program'))
})
