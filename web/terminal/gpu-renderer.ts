import { WebglAddon } from '@xterm/addon-webgl'
import type { Terminal } from '@xterm/xterm'

/**
 * Draws with the GPU where there is one. xterm.js's DOM renderer stays when WebGL would run in software, which is
 * slower than the DOM, and takes over when the browser takes the context away (it keeps 16 per page).
 */
export function addGpuRenderer(terminal: Terminal): void {
  if (!hasGpu()) return
  try {
    const webgl = new WebglAddon()
    webgl.onContextLoss(() => webgl.dispose())
    terminal.loadAddon(webgl)
  } catch {
    // The DOM renderer is already there.
  }
}

function hasGpu(): boolean {
  const context = document
    .createElement('canvas')
    .getContext('webgl2', { failIfMajorPerformanceCaveat: true })
  context?.getExtension('WEBGL_lose_context')?.loseContext()
  return context !== null
}
