import type { Probe } from '../finding.ts'
import { boot } from '../probes/boot.ts'
import { containers } from '../probes/containers.ts'
import { databaseFiles } from '../probes/database-files.ts'
import { databases } from '../probes/databases.ts'
import { folders } from '../probes/folders.ts'
import { people } from '../probes/people.ts'
import { servers } from '../probes/servers.ts'
import { shares } from '../probes/shares.ts'
import { virtualMachines } from '../probes/virtual-machines.ts'
import { volumes } from '../probes/volumes.ts'

/** What is looked for on Linux; what walks over much of the disk comes last. */
export const linuxProbes: readonly Probe[] = [
  volumes,
  shares,
  databases,
  servers,
  containers,
  virtualMachines,
  boot,
  people,
  folders,
  databaseFiles,
]
