//! SVG drawn as PNG, with a font of its own: no machine needs to have any.

use std::io;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// The name of the font below in itself.
const FONT: &str = "Ubuntu";

pub(super) fn png(svg: &str) -> io::Result<Vec<u8>> {
    let tree = tree(svg)?;
    let size = tree.size().to_int_size();
    let mut pixels = Pixmap::new(size.width(), size.height())
        .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().map_err(io::Error::other)
}

/// The picture, with its texts laid out.
pub(super) fn tree(svg: &str) -> io::Result<Tree> {
    let mut options = Options { font_family: FONT.to_owned(), ..Options::default() };
    let fonts = options.fontdb_mut();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    fonts.set_sans_serif_family(FONT);
    Tree::from_str(svg, &options).map_err(io::Error::other)
}
