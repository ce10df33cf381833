import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gather } from './gather.ts'

test('what comes within a while is handed over once, each thing once, and nothing after it was stopped', () => {
  const handed: (readonly string[])[] = []
  let due: (() => void) | undefined
  const later = (act: () => void) => {
    due = act
    return () => {
      due = undefined
    }
  }
  const gathering = gather<string>(100, (things) => void handed.push(things), later)
  for (const thing of ['machine', 'operation', 'machine']) gathering.add(thing)
  assert.deepEqual(handed, [])
  due?.()
  gathering.add('alert')
  due?.()
  gathering.add('client')
  gathering.stop()
  assert.equal(due, undefined)
  assert.deepEqual(handed, [['machine', 'operation'], ['alert']])
})
