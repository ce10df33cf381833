import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempFolder } from '../test/helpers/temp.ts'
import { combine, folderBytes, measure } from './measure.ts'

const node = process.execPath

test('the memory of a child of the command counts too', async () => {
  const holding = (mb: number) => `const held = Buffer.alloc(${mb}e6, 1); setTimeout(() => held.length, 300)`
  const child = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(holding(150))}])`
  const { seconds, peakMb = 0 } = await measure({ command: node, args: ['-e', `${child};${holding(100)}`] })
  assert.ok(peakMb > 250, `${peakMb} MB`)
  assert.ok(seconds > 0.3)
})

test('a command that fails is an error with its words, not a quick run', async () => {
  const args = ['-e', 'console.error("the disk is full"); process.exitCode = 3']
  await assert.rejects(measure({ command: node, args }), /ended with 3:\n[^]*the disk is full/)
})

test('commands that are one work take the sum of their time and the highest of their memory', () => {
  const { seconds, cpuSeconds, peakMb } = combine([
    { seconds: 1, cpuSeconds: 2, peakMb: 30 },
    { seconds: 4, cpuSeconds: 5, peakMb: 20 },
  ])
  assert.deepEqual({ seconds, cpuSeconds, peakMb }, { seconds: 5, cpuSeconds: 7, peakMb: 30 })
})

test('the size of a folder is that of all files below it', async () => {
  await using folder = await tempFolder()
  mkdirSync(folder.join('a', 'b'), { recursive: true })
  writeFileSync(folder.join('a', 'one'), Buffer.alloc(10))
  writeFileSync(folder.join('a', 'b', 'two'), Buffer.alloc(5))
  assert.equal(folderBytes(folder.path), 15)
})
