/** Types of installed.mjs, which is plain JavaScript so that it runs anywhere. */
export interface InstallationFinding {
  check: 'node' | 'packages' | 'python' | 'uv'
  status: 'ok' | 'warning' | 'failed'
  message: string
  fix?: string
}

/** `external`: executors run elsewhere, so that this installation's Python is not needed. Never throws. */
export function examineInstallation(
  root: string,
  options: { python?: string; external: boolean },
): Promise<InstallationFinding[]>
