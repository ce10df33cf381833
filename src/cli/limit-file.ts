import { readFileSync } from 'node:fs'
import { RateLimit } from '#backend'
import type { RateLimits } from '#backend'
import { messageOf } from '#base'
import { z } from 'zod'
import { CliError } from './errors.ts'

/** KiB a second; what is absent is not bounded. */
const limitFileSchema = z.strictObject({ upload: z.int().min(1).optional(), download: z.int().min(1).optional() })

/**
 * Limits that whoever started us changes while we work: they stand in a file, as JSON, that is looked at again and again. Throws
 * LIMIT_FILE_INVALID; later a file that cannot be read leaves the limits as they are.
 *
 * @param lookEvery milliseconds between two looks at the file
 */
export function followLimitFile(path: string, lookEvery = 2_000): RateLimits {
  const limits = { upload: new RateLimit(Infinity), download: new RateLimit(Infinity) }
  const take = () => {
    const { upload = Infinity, download = Infinity } = limitFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
    limits.upload.bytesPerSecond = upload * 1024
    limits.download.bytesPerSecond = download * 1024
  }
  try {
    take()
  } catch (cause) {
    throw new CliError('LIMIT_FILE_INVALID', { path, reason: messageOf(cause), cause })
  }
  const looking = setInterval(() => {
    try {
      take()
    } catch {
      // It is being replaced, or has gone with whoever kept it: what held until now holds on.
    }
  }, lookEvery)
  looking.unref()
  return limits
}
