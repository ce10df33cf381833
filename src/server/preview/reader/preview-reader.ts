/** The program of the process that reads one file for a preview, and ends (see `../answer.ts` and `../reading-process.ts`). */
import type { Answer } from '../answer.ts'
import { chooseReader } from './choose-reader.ts'
import { closeDoors } from './close-doors.ts'
import { openInput } from './file-input.ts'
import type { FileInput } from './file-input.ts'
import { Refused } from './refused.ts'

/** Standard output is for the answer; a reader may have something to say about what it finds. */
const quiet = () => undefined
Object.assign(console, { log: quiet, info: quiet, warn: quiet, error: quiet, debug: quiet, trace: quiet })

const file = await openInput(process.stdin)
const answer = await read(file)
process.stdout.write(`${JSON.stringify(answer)}\n`)
const image = answer.kind === 'image' ? await file.whole(file.limits.imageBytes) : Buffer.alloc(0)
process.stdout.end(image, () => process.exit())

async function read(input: FileInput): Promise<Answer> {
  let type: Answer['type'] = 'zip' // which alone is looked into to choose its reader
  try {
    const reader = await chooseReader(input)
    type = reader.type
    closeDoors()
    return await reader.read(input)
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown
    return { kind: 'none', type: thrown.type ?? type, code: thrown.code }
  }
}
