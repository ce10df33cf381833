import { missing } from '../../helpers/peers.ts'
import { startS3Server } from '../../helpers/s3-server.ts'
import type { Storage } from './index.ts'

/** rclone's S3 service: a bucket is a folder, in which every object is a file as restic lays it out. No other service does that. */
export async function s3Storage(): Promise<Storage | string> {
  const absent = missing('rclone-s3')
  if (absent !== false) return absent
  // restic writes into the folder itself: nothing may be remembered of it for long. With 0s rclone 1.75 runs in circles
  // at times; and the age of a lock is what its file says, so that must be told (no --no-modtime).
  const server = await startS3Server('rclone', { flags: ['--dir-cache-time', '1ms'] })
  return {
    kind: 's3',
    folder: `${server.folder}/bucket/repository`,
    location: `s3:http://127.0.0.1:${server.port}/bucket/repository`,
    env: server.env,
    [Symbol.asyncDispose]: () => Promise.resolve(server[Symbol.asyncDispose]()),
  }
}
