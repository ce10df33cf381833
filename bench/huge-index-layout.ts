/** How the repository of `huge-index.ts` is laid out. */

/** Bytes of each blob. */
export const blobBytes = 100
export const blobsPerFile = 1000
export const filesPerFolder = 100

// Numbers of equal length stand in the order of their names, as the format wants it.
export function folderName(folder: number): string {
  return `folder-${`${folder}`.padStart(6, '0')}`
}

export function fileName(file: number): string {
  return `file-${`${file}`.padStart(9, '0')}`
}
