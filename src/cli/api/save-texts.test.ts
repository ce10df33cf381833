import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempFolder } from '../../../test/helpers/temp.ts'
import type { CommandContext } from '../context.ts'
import { Environment } from '../environment.ts'
import { Printer } from '../printer.ts'
import { Terminal } from '../terminal.ts'
import { saveTexts, textsIn } from './save-texts.ts'

const kit = { page: '<h1>Kit</h1>', text: 'Kit', madeAt: '2026-01-31T12:00:00Z' }
const script = { fileName: 'understudy-backup.sh', script: '#!/bin/sh\n' }

/** What was printed; `calls` counts what was asked of the server. */
async function save(command: string, answer: unknown, to?: string, calls: { number: number } = { number: 0 }) {
  let printed = ''
  const out = { isTTY: false, columns: 80, on: () => undefined, write: (part: string) => ((printed += part), true) }
  const printer = new Printer(new Terminal(out, out), { verbosity: 1, json: false })
  const env = Environment.take({})
  const context = { printer, env, signal: new AbortController().signal } as CommandContext
  const call = async () => {
    calls.number++
    return await Promise.resolve(answer)
  }
  const texts = textsIn(command)
  assert.ok(texts)
  await saveTexts(context, { texts, call }, { to, force: false })
  return printed
}

test('a recovery kit becomes a page to print and a text, for their user only, and what is next is said', async () => {
  await using folder = await tempFolder()
  const printed = await save('kit make', kit, folder.path)
  assert.equal(readFileSync(folder.join('recovery-kit-2026-01-31.html'), 'utf8'), kit.page)
  assert.equal(readFileSync(folder.join('recovery-kit-2026-01-31.txt'), 'utf8'), kit.text)
  assert.equal(statSync(folder.join('recovery-kit-2026-01-31.txt')).mode & 0o077, 0)
  assert.match(printed, /print the page, delete both, and type the code back/)
})

test('what is shown once is not lost to a name that is taken, and replaces nothing', async () => {
  await using folder = await tempFolder()
  writeFileSync(folder.join('understudy-backup.sh'), 'mine')
  mkdirSync(folder.join('understudy-backup-2.sh'))
  await save('machine make-script', script, folder.path)
  assert.deepEqual(readdirSync(folder.path).toSorted(), [
    'understudy-backup-2.sh',
    'understudy-backup-3.sh',
    'understudy-backup.sh',
  ])
  assert.equal(readFileSync(folder.join('understudy-backup.sh'), 'utf8'), 'mine')
  assert.equal(readFileSync(folder.join('understudy-backup-3.sh'), 'utf8'), script.script)
})

test('a server names no place outside the folder', async () => {
  await using folder = await tempFolder()
  mkdirSync(folder.join('inner'))
  await save('machine make-script', { ...script, fileName: '../../evil.sh' }, folder.join('inner'))
  assert.deepEqual([readdirSync(folder.path), readdirSync(folder.join('inner'))], [['inner'], ['evil.sh']])
})

test('a file that somebody names is looked at before anything is asked for', async () => {
  await using folder = await tempFolder()
  writeFileSync(folder.join('mine'), 'mine')
  const calls = { number: 0 }
  await assert.rejects(save('kit make', kit, folder.join('mine'), calls), { code: 'DOWNLOAD_IN_THE_WAY' })
  assert.equal(calls.number, 0)
  await save('kit make', kit, folder.join('new.html'))
  assert.deepEqual(readdirSync(folder.path).toSorted(), ['mine', 'new.html', 'new.html.txt'])
  assert.equal(await save('machine make-script', script, '-'), script.script)
})
