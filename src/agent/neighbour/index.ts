/**
 * Machines that may take no software (machine controllers, NAS, telephone systems), read by the agent beside them over
 * SFTP, FTP or SMB: a `Source` like any other.
 */
export type { FtpDevice, NeighbourDevice, SftpDevice, SmbDevice } from './device.ts'
export { readDeviceOrder } from './device-order.ts'
export { NeighbourError, neighbourErrors } from './errors.ts'
export { openNeighbour } from './source.ts'
export type { NeighbourOptions, NeighbourSource } from './source.ts'
