import { serveThread } from '#base'
import { type Part, WritingUploads } from './write-upload.ts'

/** The thread in which uploads that are not small are hashed and written. */
const uploads = new WritingUploads()

serveThread({
  write: (part: Part) => uploads.write(part),
  end: (upload: number) => uploads.end(upload),
})
