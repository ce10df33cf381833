/** Compares two trees on disk: see `src/filesystem/compare-trees.ts`. */
export * from '../../src/filesystem/compare-trees.ts'
