import type { PreviewType } from '#protocol'
import type { RefusalCode } from '../answer.ts'

/** Ends the reading of a file that cannot be shown. */
export class Refused extends Error {
  readonly code: RefusalCode
  /** What the file has turned out to be, where that is more than was known before. */
  readonly type: PreviewType | undefined

  constructor(code: RefusalCode, type?: PreviewType) {
    super(code)
    this.code = code
    this.type = type
  }
}

/**
 * Runs a reader that is not ours: whatever it throws at a file means that it cannot read it. Our own code is not run
 * through here, so a mistake in it ends the process.
 */
export async function readBy<Result>(library: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await library()
  } catch (thrown) {
    if (thrown instanceof Refused) throw thrown
    throw new Refused(isOutOfMemory(thrown) ? 'PREVIEW_TOO_MUCH_MEMORY' : 'PREVIEW_DAMAGED')
  }
}

export function isOutOfMemory(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false
  return 'code' in thrown
    ? thrown.code === 'ERR_MEMORY_ALLOCATION_FAILED' || thrown.code === 'ENOMEM'
    : /allocation failed|Invalid (array|typed array|string) length/i.test(thrown.message)
}
