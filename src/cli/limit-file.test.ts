import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempFolder } from '../../test/helpers/temp.ts'
import { until } from '../../test/helpers/until.ts'
import { followLimitFile } from './limit-file.ts'

test('limits follow their file, and stay when it is spoiled meanwhile', async () => {
  await using folder = await tempFolder()
  const file = folder.join('limits.json')
  writeFileSync(file, '{"upload": 100}')
  const { upload, download } = followLimitFile(file, 10)
  assert.deepEqual([upload?.bytesPerSecond, download?.bytesPerSecond], [102_400, Infinity])
  writeFileSync(file, 'nonsense')
  writeFileSync(file, '{"download": 7}')
  await until(() => download?.bytesPerSecond === 7168)
  assert.equal(upload?.bytesPerSecond, Infinity)
})

test('a file of limits that is none is refused in one sentence', async () => {
  await using folder = await tempFolder()
  const file = folder.join('limits.json')
  for (const text of ['', '{"upload": 0}', '{"upload": "fast"}', '[]', '{"colour": 1}']) {
    writeFileSync(file, text)
    assert.throws(() => followLimitFile(file), { code: 'LIMIT_FILE_INVALID' }, text)
  }
  assert.throws(() => followLimitFile(folder.join('none')), { code: 'LIMIT_FILE_INVALID' })
})
