import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../../test/helpers/until.ts'
import { Previews } from './index.ts'
import type { FileToPreview } from './index.ts'

/** A file that is not there yet; counts those that are waited for. */
class SlowFiles {
  begun = 0
  #go: (() => void)[] = []

  file(): FileToPreview {
    const wait = async () => {
      this.begun++
      await new Promise<void>((resolve) => this.#go.push(resolve))
    }
    async function* content(): AsyncGenerator<Uint8Array> {
      await wait()
      yield Buffer.from('words')
    }
    return { name: 'a.txt', size: 5, content: content() }
  }

  arrive(): void {
    for (const go of this.#go.splice(0)) go()
  }
}

test('only so many previews are made at once; others wait, and too many are turned away', async () => {
  await using previews = new Previews({ atOnce: 1, waiting: 1 })
  const files = new SlowFiles()
  const [first, second] = [previews.preview(files.file()), previews.preview(files.file())]
  await assert.rejects(previews.preview(files.file()), { code: 'PREVIEWS_BUSY', transient: true })
  await until(() => files.begun === 1)
  files.arrive()
  assert.equal((await first).kind, 'text')
  await until(() => files.begun === 2)
  files.arrive()
  assert.equal((await second).kind, 'text')
  const third = previews.preview(files.file())
  await until(() => files.begun === 3)
  files.arrive()
  assert.equal((await third).kind, 'text')
})

test('one that is cancelled gives its turn to the next', async () => {
  await using previews = new Previews({ atOnce: 1 })
  const files = new SlowFiles()
  const cancelled = new AbortController()
  const first = previews.preview(files.file(), { signal: cancelled.signal })
  const second = previews.preview(files.file())
  await until(() => files.begun === 1)
  cancelled.abort(new Error('enough'))
  await assert.rejects(first, /enough/)
  await until(() => files.begun === 2)
  files.arrive()
  assert.equal((await second).kind, 'text')
})

test('when the server closes, all previews end: those that are made and those that wait', async () => {
  const previews = new Previews({ atOnce: 1 })
  const files = new SlowFiles()
  const made = [files.file(), files.file()].map((file) => assert.rejects(previews.preview(file), /closing/))
  await until(() => files.begun === 1)
  await previews[Symbol.asyncDispose]()
  await Promise.all(made)
  assert.equal(files.begun, 1)
})
