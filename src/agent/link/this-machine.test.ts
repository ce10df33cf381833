import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { isOtherMachine, readMachineMarks } from './this-machine.ts'
import type { MachineMarks } from './this-machine.ts'

const [board, system] = ['/sys/class/dmi/id/product_uuid', '/etc/machine-id']

/** The marks of a machine whose system has these files. */
async function marksOf(files: Readonly<Record<string, string>>): Promise<MachineMarks> {
  await using root = await tempFolder()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(root.join(path)), { recursive: true })
    writeFileSync(root.join(path), text)
  }
  return await readMachineMarks(root.path)
}

const one = '4C4C4544-0042-3510-8052-B4C04F4E3232\n'
const other = '8f14e45f-ceea-467f-a1d2-11c3d2a9b0aa\n'

test('a copy is told from its original by the hardware; where that tells nothing, by the system', async () => {
  const original = await marksOf({ [board]: one, [system]: 'a'.repeat(31) + 'b\n' })
  assert.equal(isOtherMachine(original, await marksOf({ [board]: one, [system]: 'a'.repeat(31) + 'b\n' })), false)
  assert.equal(isOtherMachine(original, await marksOf({ [board]: other, [system]: 'a'.repeat(31) + 'b\n' })), true)
  assert.equal(isOtherMachine(original, await marksOf({ [system]: 'c'.repeat(31) + 'd\n' })), true)
  assert.equal(isOtherMachine(original, await marksOf({ [system]: 'a'.repeat(31) + 'b\n' })), false)
})

test('a system that has a new number at each start is the same machine on the same hardware', async () => {
  const before = await marksOf({ [board]: one, [system]: 'a'.repeat(31) + 'b\n' })
  assert.equal(
    isOtherMachine(before, await marksOf({ [board]: one.toLowerCase(), [system]: 'c'.repeat(31) + 'd' })),
    false,
  )
})

test('what says nothing of the machine does not count: no file, no number, numbers that many boards share', async () => {
  assert.deepEqual(await marksOf({}), {})
  for (const none of ['', '00000000-0000-0000-0000-000000000000', '03000200-0400-0500-0006-000700080009', 'short']) {
    assert.deepEqual(await marksOf({ [board]: none, [system]: 'uninitialized\n' }), {}, none)
  }
  const { hardware } = await marksOf({ '/sys/firmware/devicetree/base/serial-number': '10000000abcdef12\0' })
  assert.match(hardware ?? '', /^[0-9a-f]{64}$/, 'a digest, and not the number')
})
