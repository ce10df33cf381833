import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runOk } from '../helpers/run.ts'
import { tempFolder } from '../helpers/temp.ts'

const bench = join(import.meta.dirname, '..', '..', 'bench', 'search.ts')

test('the benchmark of search makes an index, searches it, tells its figures, and leaves nothing behind', async () => {
  await using place = await tempFolder()
  const args = [bench, '--files', '2000', '--days', '8', '--rounds', '2', '--place', place.path]
  const stdout = await runOk(process.execPath, args, { timeout: 120_000 })
  assert.match(stdout, /^ {2}size on the disk +\d+\.\d+ [KM]iB$/m)
  assert.match(stdout, /^ {2}one file +p50 +\d+ ms {2}p99 +\d+ ms {2}finds [1-9]\d*$/m)
  assert.match(stdout, /^ {2}deleted since a week +.* finds [1-9]\d*$/m)
  assert.deepEqual(readdirSync(place.path), [])
})
