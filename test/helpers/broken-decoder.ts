/**
 * Loaded with `node --import` before the program: from then on opening a blob meets a mistake of the program's own, in the main
 * thread or in the worker threads (`UNDERSTUDY_TEST_BROKEN`).
 */
import { isMainThread } from 'node:worker_threads'
import { BlobCodec } from '../../src/repository/blob-codec.ts'

function fail(): never {
  throw new ReferenceError('mistake is not defined')
}

if (process.env['UNDERSTUDY_TEST_BROKEN'] === (isMainThread ? 'main thread' : 'worker threads')) {
  BlobCodec.prototype.open = fail
  BlobCodec.prototype.openInto = fail
}
