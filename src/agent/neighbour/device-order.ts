import { readFile } from 'node:fs/promises'
import { messageOf } from '#base'
import { deviceAccessSchema } from '#protocol'
import { z } from 'zod'
import type { NeighbourDevice } from './device.ts'
import { NeighbourError } from './errors.ts'

/** What the agent tells the program that reads a device, in a file that only its user may read: secrets are in it. */
const deviceOrderSchema = z.strictObject({
  access: deviceAccessSchema,
  name: z.string().min(1).max(255),
  paths: z.array(z.string().min(1).max(4096)).min(1).max(1000),
  excludes: z.array(z.string().max(4096)).max(10_000),
  /** Name or path of rclone. */
  rclone: z.string().min(1).max(4096).optional(),
})

export interface DeviceOrder {
  readonly device: NeighbourDevice
  readonly excludes: readonly string[]
  readonly rclone: string | undefined
}

/** Throws DEVICE_INVALID. */
export async function readDeviceOrder(path: string): Promise<DeviceOrder> {
  try {
    const { access, name, paths, excludes, rclone } = deviceOrderSchema.parse(JSON.parse(await readFile(path, 'utf8')))
    return { device: { ...access, name, paths }, excludes, rclone }
  } catch (cause) {
    // What JSON could not be read is in its message, and secrets may be in that.
    const reason = cause instanceof SyntaxError ? `${path} is not JSON` : `${path}: ${messageOf(cause)}`
    throw new NeighbourError('DEVICE_INVALID', { reason })
  }
}
